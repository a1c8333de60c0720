import { SupersededError } from './errors.js';

/** Does one thing at a time, and only the latest. */
export interface Latest {
  /**
   * Does `work`, in place of whatever went on under this key: the signal of that is aborted, which cancels what was asked with it, and its
   * promise rejects with `SupersededError` at once. What it would still have answered is never delivered.
   */
  <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T>;
  /** Stops what goes on under this key, as a newer call would: for a page that is left. */
  stop(): void;
}

/** One thing at a time under each key, over all of a client. */
export class LatestCalls {
  readonly #current = new Map<string, () => void>();

  of(key: string): Latest {
    const latest = <T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> => this.#run(key, work);
    return Object.assign(latest, { stop: () => this.#supersede(key) });
  }

  #supersede(key: string): void {
    const stop = this.#current.get(key);
    this.#current.delete(key);
    stop?.();
  }

  #run<T>(key: string, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    this.#supersede(key);
    const controller = new AbortController();
    return new Promise<T>((resolve, reject) => {
      const stop = (): void => {
        const error = new SupersededError(key);
        reject(error);
        controller.abort(error);
      };
      this.#current.set(key, stop);
      // What settles later than this is told to nobody: a promise settles once.
      const settled = (): void => {
        if (this.#current.get(key) === stop) this.#current.delete(key);
      };
      work(controller.signal).finally(settled).then(resolve, reject);
    });
  }
}
