import type { z } from 'zod';
import type { TaskEnd, taskEvent } from '../tasks/index.js';
import { ConnectionLostError } from './errors.js';
import type { SseEvent } from './sse-parser.js';

/** An event that a client hears: its id is where to go on after it. */
export type Heard<E> = E extends unknown ? E & { readonly id: string } : never;

/** The end of a task whose result is known by its kind. */
type WithResult<E, R> = E extends { readonly type: 'task-end'; readonly data: infer D }
  ? { readonly type: 'task-end'; readonly data: Omit<D, 'result'> & { readonly result: R | null } }
  : E;

/** The events of a stream: those of the server's own schema, and what the task comes to. */
export type StreamEvent<E, R = unknown> = Heard<WithResult<E, R>>;

/** What every task tells. A kind of task may tell others besides. */
export type AnyTaskEvent = StreamEvent<z.output<typeof taskEvent>>;

/** An event before anybody has said of which kind its task is. */
export interface RawEvent {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
}

export function toRawEvent({ id, type, data }: SseEvent): RawEvent {
  return { id, type, data: JSON.parse(data) as unknown };
}

export function isEnd({ type }: { readonly type: string }): boolean {
  return type === 'task-end';
}

/** An end that came because nobody was there for too long: to the one who comes back, the connection was lost. */
export function lossOf({ type, data }: RawEvent): ConnectionLostError | undefined {
  if (type !== 'task-end') return undefined;
  const { cause, task_id: taskId } = data as TaskEnd;
  return cause === 'client_disconnect' ? stoppedWithoutClient(taskId) : undefined;
}

export function stoppedWithoutClient(taskId: string, cause?: unknown): ConnectionLostError {
  return new ConnectionLostError(`Task ${taskId} was stopped because its client was away for too long.`, { taskId, cause });
}

/** Does an event come later than the last that was heard? Ids are `attempt-sequence`. */
export function isLater(id: string, last: string | undefined): boolean {
  if (last === undefined) return true;
  const [attempt = 0, sequence = 0] = id.split('-').map(Number);
  const [lastAttempt = 0, lastSequence = 0] = last.split('-').map(Number);
  return attempt > lastAttempt || (attempt === lastAttempt && sequence > lastSequence);
}
