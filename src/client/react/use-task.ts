import { useInsertionEffect, useRef, useState } from 'react';
import type { Latest } from '../latest.js';
import { follow, toIdle, toUnfinished, type AnyState, type Reduce, type Task, type TaskControls, type TellingEvent } from './task-state.js';
import { useLatest } from './use-latest.js';

/** As the component was last rendered. */
interface Given {
  readonly work: (signal: AbortSignal, ...args: unknown[]) => Promise<unknown> | AsyncIterable<TellingEvent>;
  readonly reduce: Reduce;
  readonly initial: unknown;
}

/**
 * The state of one task, for rendering, and what there is to do about it: `useTask((signal, input) => hangup.quizzes.generate(input,
 * { signal }))`. `work` must pass its signal on: that is what cancels. `run` begins, `cancel` and unmounting stop; rendering again does
 * neither, and `work` may be a new function each time. Of several runs only the latest is ever shown.
 */
export function useTask<A extends readonly unknown[], T>(work: (signal: AbortSignal, ...args: A) => Promise<T>): Task<A, T>;
/**
 * The same for a task that streams: `reduce` makes `data` of its events, from `initial` on. Where the task does not end as completed, the
 * status says so.
 */
export function useTask<A extends readonly unknown[], E extends TellingEvent, D>(
  work: (signal: AbortSignal, ...args: A) => AsyncIterable<E>,
  reduce: (data: D, event: E) => D,
  initial: D,
): Task<A, D, D>;
export function useTask(work: Given['work'], reduce: Reduce = (data) => data, initial?: unknown): Task<unknown[], unknown, unknown> {
  const latest = useLatest();
  const given = useRef<Given>({ work, reduce, initial });
  // Only what was rendered to the end counts, and it does before anything else of the component can call.
  useInsertionEffect(() => {
    given.current = { work, reduce, initial };
  });
  const [state, show] = useState(() => toIdle(initial));
  const [controls] = useState(() => controlsOf(latest, given, show));
  return { ...(state as Task<unknown[], unknown, unknown>), ...controls };
}

function controlsOf(
  latest: Latest,
  given: { readonly current: Given },
  show: (next: (before: AnyState) => AnyState) => void,
): TaskControls<unknown[]> {
  let current: object | undefined;
  const stop = (next: (before: AnyState) => AnyState): void => {
    current = undefined;
    latest.stop();
    show(next);
  };
  return {
    run: (...args) => {
      const { work, reduce, initial } = given.current;
      const own = {};
      current = own;
      const showOwn = (next: (before: AnyState) => AnyState): void => {
        if (current === own) show(next);
      };
      showOwn(() => ({ ...toIdle(initial), status: 'running' }));
      const told = (state: AnyState): void => showOwn(() => state);
      latest(async (signal) => await follow(work(signal, ...args), { reduce, initial }, told)).then(told, (error: unknown) =>
        showOwn((before) => toUnfinished(before, error)),
      );
    },
    cancel: () => stop((before) => (before.status === 'running' ? { ...before, status: 'cancelled' } : before)),
    reset: () => stop(() => toIdle(given.current.initial)),
  };
}
