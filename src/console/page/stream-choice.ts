import { isStoppable, type Task } from './wire.js';

/** Of the six connections that a browser has for streams: the others are for quizzes, and for apps of the same origin. */
export const MOST_STREAMS = 3;

/**
 * Which live tasks are listened to; the others are looked at now and then. Those that are listened to stay, so that nothing is connected
 * again for nothing; then come the ones that run, the newest first, and then those that wait.
 */
export function chooseStreams(tasks: readonly Task[], open: ReadonlySet<string>, deaf: ReadonlySet<string>): string[] {
  const eligible = tasks.filter((task) => !deaf.has(task.id) && (isStoppable(task) || (task.state === 'cancelling' && open.has(task.id))));
  const ranked = eligible.toSorted((a, b) => rankOf(a, open) - rankOf(b, open) || b.created_at.localeCompare(a.created_at));
  return ranked.slice(0, MOST_STREAMS).map(({ id }) => id);
}

function rankOf({ id, state }: Task, open: ReadonlySet<string>): number {
  if (open.has(id)) return 0;
  return state === 'running' ? 1 : 2;
}
