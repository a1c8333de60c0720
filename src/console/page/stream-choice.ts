import { isStoppable, type Task } from './wire.js';

/** A browser has six connections to a server. These, the list that is asked for again and again, and two for what people do. */
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
