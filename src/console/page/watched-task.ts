import type { AnyTaskEvent } from '../../client/index.js';
import { isLive, isStoppable, type Task } from './wire.js';

/** A task that is watched, with what its stream has told besides. */
export interface WatchedTask extends Task {
  /** Questions that a quiz has so far. */
  readonly questions?: number;
}

/**
 * What is known of tasks once some have been found, newest first. What was found may be older than what a stream has told meanwhile; what
 * was not found any more stays, as when it has ended while only live tasks were asked for.
 */
export function merge(known: readonly WatchedTask[], found: readonly Task[]): WatchedTask[] {
  const merged = new Map(known.map((task) => [task.id, task]));
  for (const task of found) merged.set(task.id, newer(task, merged.get(task.id)));
  return [...merged.values()].toSorted((a, b) => b.created_at.localeCompare(a.created_at));
}

/** The newest, so many; of older ones those that live, which are few. */
export function newest(tasks: readonly WatchedTask[], most: number): readonly WatchedTask[] {
  return tasks.filter((task, place) => place < most || isLive(task));
}

/** What an event changes about a task. A stream begins with the task's beginning, also when it is made again. */
export function changeBy(event: AnyTaskEvent, { state, questions = 0 }: WatchedTask): Partial<WatchedTask> {
  const { type, data } = event as { type: string; data: unknown };
  if (type === 'task-start') return { questions: undefined, ...(state === 'queued' && { state: 'running' }) };
  if (type === 'stage-start') return data as { stage: string };
  if (type === 'progress') return { progress: data as Task['progress'] };
  if (type === 'question') return { questions: questions + 1 };
  if (type === 'evaluation') return { questions: questions - (data as { rejected: unknown[] }).rejected.length };
  return {};
}

function newer(found: Task, known: WatchedTask | undefined): WatchedTask {
  if (!known) return found;
  return isStale(found, known) ? known : { ...found, questions: known.questions };
}

/** An end is never taken back, nor that a task was told to stop. */
function isStale(found: Task, known: Task): boolean {
  if (!isLive(known)) return isLive(found);
  return known.state === 'cancelling' && isStoppable(found);
}
