import type { TaskEnd } from '../../tasks/index.js';
import { SupersededError } from '../errors.js';
import type { AnyTaskEvent } from '../events.js';
import { errorOfEnd } from '../problem-error.js';

/** How far a task has come. */
export type TaskProgress = Extract<AnyTaskEvent, { readonly type: 'progress' }>['data'];

/** What a task that streams has told of where it is. */
interface Course {
  readonly stage?: string;
  readonly progress?: TaskProgress;
}

/**
 * What there is to show of one task. `Before` is what `data` is until the task is done: `undefined` for a call, and for a stream what has
 * been made of the events so far, which also a task that was cancelled keeps. `error` of a cancelled one is there where it was
 * not cancelled from here.
 */
export type TaskState<Done, Before = undefined> = Course &
  (
    | { readonly status: 'idle' | 'running'; readonly data: Before; readonly error: undefined }
    | { readonly status: 'done'; readonly data: Done; readonly error: undefined }
    | { readonly status: 'cancelled'; readonly data: Before; readonly error: Error | undefined }
    | { readonly status: 'failed'; readonly data: Before; readonly error: Error }
  );

/** All of them stay the same from render to render. */
export interface TaskControls<A extends readonly unknown[]> {
  /** Begins anew, in place of what runs: that is cancelled. */
  readonly run: (...args: A) => void;
  /** Cancels what runs, and keeps what there is of it; does nothing about what has ended. */
  readonly cancel: () => void;
  /** Cancels what runs, and shows nothing of it. */
  readonly reset: () => void;
}

export type Task<A extends readonly unknown[], Done, Before = undefined> = TaskControls<A> & TaskState<Done, Before>;

/** An event of a task's own stream, whatever its kind. */
export interface TellingEvent {
  readonly type: string;
  readonly data: unknown;
}

/** The same without what it is known by to the types: inside, a stream and a call are one. */
export type AnyState = Course & {
  readonly status: TaskState<unknown>['status'];
  readonly data: unknown;
  readonly error: Error | undefined;
};
export type Reduce = (data: unknown, event: TellingEvent) => unknown;

export const toIdle = (initial: unknown): AnyState => ({ status: 'idle', data: initial, error: undefined });

/** Follows a run to its end, and tells how far it has come. Rejects where it does not come to a good end. */
export async function follow(
  answer: Promise<unknown> | AsyncIterable<TellingEvent>,
  { reduce, initial }: { readonly reduce: Reduce; readonly initial: unknown },
  tell: (state: AnyState) => void,
): Promise<AnyState> {
  if (!(Symbol.asyncIterator in answer)) return { status: 'done', data: await answer, error: undefined };
  let state: AnyState = { ...toIdle(initial), status: 'running' };
  for await (const event of answer) {
    state = { ...state, ...courseOf(event), data: reduce(state.data, event) };
    tell(state);
    const error = event.type === 'task-end' ? errorOfEnd(event.data as TaskEnd) : undefined;
    if (error) throw error;
  }
  return { ...state, status: 'done' };
}

function courseOf({ type, data }: TellingEvent): Course {
  if (type === 'stage-start') return { stage: (data as { stage: string }).stage };
  return type === 'progress' ? { progress: data as TaskProgress } : {};
}

/** What is aborted by whoever has a right to is no failure; and where that was the component itself, which was left, nobody has to be told. */
export function toUnfinished(before: AnyState, thrown: unknown): AnyState {
  if (thrown instanceof SupersededError) return { ...before, status: 'cancelled', error: undefined };
  const error = thrown instanceof Error ? thrown : new Error(String(thrown));
  return { ...before, status: error.name === 'AbortError' ? 'cancelled' : 'failed', error };
}
