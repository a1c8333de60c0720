import { ConnectionLostError, HangupError } from './errors.js';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 3000;
/** A server that asks for more than this is not waited for. */
const LONGEST_RETRY_AFTER_S = 60;
const MOST_BUSY_ANSWERS = 5;

export interface RetryOptions {
  /** For how long nobody may be reached. */
  readonly windowMs: number;
  /** Ends every pause. */
  readonly signal: AbortSignal;
  /** Can the same be asked again after this refusal? */
  readonly isAskedAgain?: (refusal: HangupError) => boolean;
}

/** Waits before a call is made again: longer from try to try, no two clients at the same time, and not for ever. */
export class Retries {
  readonly #options: RetryOptions;
  #brokenSince: number | undefined;
  #tries = 0;
  #busyAnswers = 0;

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  /** Has the connection broken since there was contact? */
  get isBroken(): boolean {
    return this.#brokenSince !== undefined;
  }

  /** Somebody was reached: what breaks after this has its own time. */
  contact(): void {
    this.#brokenSince = undefined;
    this.#tries = 0;
  }

  /** Resolves when another try makes sense after a failure; throws it where none does. */
  async after(failure: unknown, lastedMs: number): Promise<void> {
    const { signal } = this.#options;
    // A loss that the server itself has told of is no broken connection.
    if (signal.aborted || !(failure instanceof HangupError) || failure.cause instanceof HangupError) throw failure;
    if (await pause(this.#pauseMs(failure, lastedMs), signal)) throw failure;
  }

  #pauseMs(failure: HangupError, lastedMs: number): number {
    return failure instanceof ConnectionLostError ? this.#brokenMs(failure, lastedMs) : this.#busyMs(failure);
  }

  #brokenMs(failure: ConnectionLostError, lastedMs: number): number {
    const { windowMs } = this.#options;
    // Whoever waited for an answer for so long was connected meanwhile.
    if (lastedMs > windowMs) this.contact();
    const now = performance.now();
    this.#brokenSince ??= now;
    const leftMs = this.#brokenSince + windowMs - now;
    if (leftMs <= 0) throw failure;
    return Math.min(leftMs, backoffMs(this.#tries++));
  }

  #busyMs(refusal: HangupError): number {
    const { status, retryAfterSeconds: seconds } = refusal;
    if (status !== 503 || seconds === undefined || seconds > LONGEST_RETRY_AFTER_S) throw refusal;
    this.#busyAnswers += 1;
    if (this.#busyAnswers > MOST_BUSY_ANSWERS || this.#options.isAskedAgain?.(refusal) === false) throw refusal;
    return seconds * 1000;
  }
}

/** Doubled with each try, and spread over its second half, so that clients that were cut together do not come back together. */
export function backoffMs(tries: number): number {
  return Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** tries) * (0.5 + Math.random() / 2);
}

/** Resolves after so long, or as soon as the signal aborts: then with true. Leaves neither a timer nor a listener. */
export function pause(ms: number, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resolve(signal?.aborted === true);
    };
    const timer = setTimeout(end, signal?.aborted ? 0 : ms);
    signal?.addEventListener('abort', end);
  });
}
