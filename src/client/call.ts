import type { CancelAnswer } from '../tasks/index.js';
import { CancelledError } from './errors.js';

/** Sends the cancel of a call, and resolves with its answer. Must not reject. */
export type SendCancel = () => Promise<CancelAnswer | undefined>;

export interface CallOptions {
  /** The caller's. It is listened to while the call is under way, and never handed on. */
  readonly signal?: AbortSignal;
  /** What is done about the abort besides leaving; called once at the most. */
  readonly cancel?: SendCancel;
  /** The task that is asked for. */
  readonly taskId?: () => string;
}

/** One call that can be aborted: then its cancel leaves first, its request is cut, and whoever waits is told at once. */
export class Call {
  readonly #options: CallOptions;
  readonly #cut = new AbortController();
  #state: 'new' | 'open' | 'over' = 'new';
  #onStop: (error: CancelledError) => void = () => undefined;
  readonly #abort = (): void => this.stop(this.#options.signal?.reason);
  /** What the call was stopped with. */
  stopped: CancelledError | undefined;

  constructor(options: CallOptions) {
    this.#options = options;
  }

  /** The call's own signal, for its requests. */
  get signal(): AbortSignal {
    return this.#cut.signal;
  }

  /** From now on the caller's signal stops the call. Throws where it is aborted already: then nothing was asked, and nothing has to be cancelled. */
  begin(onStop: (error: CancelledError) => void): void {
    const { signal } = this.#options;
    if (signal?.aborted) throw new CancelledError('Aborted before anything was asked.', { abortCause: 'user', cause: signal.reason });
    this.#state = 'open';
    this.#onStop = onStop;
    signal?.addEventListener('abort', this.#abort);
  }

  /** The answer has come: nothing stops the call any more. */
  end(): void {
    this.#state = 'over';
    this.#options.signal?.removeEventListener('abort', this.#abort);
  }

  /** Stops a call that is under way; does nothing about any other. */
  stop(cause?: unknown): void {
    if (this.#state !== 'open') return;
    this.end();
    const { cancel, taskId } = this.#options;
    // The cancel goes out before the request is cut: what is cut must never hold it up.
    const confirmation = cancel?.();
    this.stopped = new CancelledError('The call was aborted.', { abortCause: 'user', taskId: taskId?.(), cause, confirmation });
    this.#cut.abort(this.stopped);
    this.#onStop(this.stopped);
  }

  /** Does `work` as this call: rejects as soon as it is stopped, whether or not the work has noticed. */
  async run<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    try {
      return await new Promise<T>((resolve, reject) => {
        this.begin(reject);
        work(this.signal).then((value) => {
          this.end();
          resolve(value);
        }, reject);
      });
    } finally {
      this.end();
    }
  }
}
