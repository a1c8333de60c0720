import { performance } from 'node:perf_hooks';
import { DeadlineExceededError } from './abort-reason.js';

/** What a timer can hold, 24.8 days: Node makes 1 ms of anything longer. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export interface DeriveOptions {
  /** Aborts the derived signal with a `DeadlineExceededError` after so many milliseconds. */
  readonly timeoutMs?: number;
  /**
   * Errors that listeners make while the signal aborts get no stack. For clients of sockets: undici makes two such errors and formats
   * both, which name the event loop alone, before it closes its socket.
   */
  readonly isStackless?: boolean;
  /** Calls what aborts the derived signal after a parent has, now or later: see `AbortContext.unwinding`. Now where it is left out. */
  readonly unwind?: (abort: () => void) => void;
}

/** A signal with an owner. Disposing of it takes its listeners off the parents and stops its clock; it never aborts after that. */
export interface DerivedSignal extends Disposable {
  readonly signal: AbortSignal;
  /** When its own clock runs out, as `performance.now()` counts; `Infinity` where it has none. */
  readonly deadline: number;
  abort(reason: unknown): void;
  /** Aborts where the deadline has passed though no timer has said so: the event loop was blocked, or the process frozen. */
  look(): void;
}

/**
 * A signal that aborts with the first of its parents, carrying the very same reason, or at its own deadline. Hold it with `using`,
 * or dispose of it in a `finally`.
 *
 * `AbortSignal.any` is not used: on a parent that lives long, what it registers is only released by the garbage collector, and
 * 300,000 such combinations on one live root held 360 MB.
 */
export function deriveSignal(
  parents: readonly AbortSignal[],
  { timeoutMs, isStackless = false, unwind = now }: DeriveOptions = {},
): DerivedSignal {
  const controller = new AbortController();
  const abort = (reason: unknown): void => (isStackless ? withoutStacks(() => controller.abort(reason)) : controller.abort(reason));
  const aborted = parents.find((parent) => parent.aborted);
  if (aborted) controller.abort(aborted.reason);
  const release = controller.signal.aborted ? noop : follow(parents, abort, timeoutMs, unwind);
  const deadline = timeoutMs === undefined ? Infinity : performance.now() + timeoutMs;
  const look = (): void => {
    if (deadline === Infinity || controller.signal.aborted || performance.now() < deadline) return;
    release();
    abort(new DeadlineExceededError(timeoutMs));
  };
  return { signal: controller.signal, deadline, abort, look, [Symbol.dispose]: release };
}

function withoutStacks(fn: () => void): void {
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    fn();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

function follow(
  parents: readonly AbortSignal[],
  abort: (reason: unknown) => void,
  timeoutMs: number | undefined,
  unwind: NonNullable<DeriveOptions['unwind']>,
): () => void {
  let isDisposed = false;
  const onAbort = (): void => {
    letGo();
    const reason: unknown = parents.find((parent) => parent.aborted)?.reason;
    unwind(() => {
      if (!isDisposed) abort(reason);
    });
  };
  const onTimeout = (): void => {
    letGo();
    abort(new DeadlineExceededError(timeoutMs));
  };
  const timer = timeoutMs === undefined ? undefined : setTimeout(onTimeout, Math.min(timeoutMs, LONGEST_TIMER_MS));
  for (const parent of parents) parent.addEventListener('abort', onAbort, { once: true });
  const letGo = (): void => {
    clearTimeout(timer);
    for (const parent of parents) parent.removeEventListener('abort', onAbort);
  };
  return () => {
    isDisposed = true;
    letGo();
  };
}

function now(abort: () => void): void {
  abort();
}

function noop(): void {
  // An already aborted signal follows nobody, so there is nothing to let go of.
}

/** A wait that an abort ends at once, with the signal's own reason. Leaves no timer and no listener, whichever way it ends. */
export function wait(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const onTimeout = (): void => {
      signal.removeEventListener('abort', onAbort);
      resolve();
    };
    const timer = setTimeout(onTimeout, Math.min(ms, LONGEST_TIMER_MS));
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
