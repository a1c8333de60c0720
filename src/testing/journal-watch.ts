// Not the global: a test that fakes its clock must not stop this one.
import { clearTimeout, setTimeout } from 'node:timers';

const DEADLINE_MS = 10_000;

/** Promises about a journal that grows. Each looks again after every change, and rejects when its deadline has passed. */
export class JournalWatch {
  readonly #watchers = new Set<() => void>();
  readonly #describe: () => string;
  readonly #deadlineMs: number;

  constructor(describe: () => string, deadlineMs = DEADLINE_MS) {
    this.#describe = describe;
    this.#deadlineMs = deadlineMs;
  }

  /** Resolves with the first answer of `probe` that is not undefined; rejects with what it throws. */
  until<T>(expected: string, probe: () => T | undefined): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const look = (): void => {
      try {
        const found = probe();
        if (found === undefined) return;
        resolve(found);
      } catch (error) {
        reject(error);
      }
      done();
    };
    const expire = (): void => {
      reject(new Error(`Waited ${this.#deadlineMs} ms for ${expected}. ${this.#describe()}`));
      done();
    };
    const timer = setTimeout(expire, this.#deadlineMs).unref();
    const done = (): void => {
      clearTimeout(timer);
      this.#watchers.delete(look);
    };
    this.#watchers.add(look);
    look();
    return promise;
  }

  /** Lets everybody who waits look again. */
  changed(): void {
    for (const look of this.#watchers) look();
  }
}
