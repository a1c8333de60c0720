import { MOST_STREAMS } from './stream-choice.js';

/** Gives a slot back. */
export type Release = () => void;

type Locks = Pick<LockManager, 'request'>;

/**
 * The right to hold a stream open. Browsers count connections for all tabs together, so the tabs share the slots, by locks of the
 * browser; where there are none (a page over plain HTTP), each tab has its own.
 */
export class StreamSlots {
  readonly #locks: Locks;

  /** `null` where the browser has no locks. */
  constructor(locks: Locks | null) {
    this.#locks = locks ?? new OwnLocks();
  }

  /** A slot that is free at present, or `undefined`. */
  async take(): Promise<Release | undefined> {
    for (let n = 0; n < MOST_STREAMS; n += 1) {
      const release = await this.#tryTo(`hangup-console-stream-${n}`);
      if (release) return release;
    }
    return undefined;
  }

  #tryTo(name: string): Promise<Release | undefined> {
    return new Promise((resolve, reject) => {
      const held = (lock: Lock | null): Promise<void> | undefined => {
        if (lock) return new Promise((release) => resolve(release));
        resolve(undefined);
        return undefined;
      };
      this.#locks.request(name, { ifAvailable: true }, held).catch(reject);
    });
  }
}

/** As much of the browser's locks as is needed, for this tab alone. */
class OwnLocks implements Locks {
  readonly #held = new Set<string>();

  async request(name: string, ...given: unknown[]): Promise<undefined> {
    const held = given.at(-1) as (lock: Lock | null) => Promise<void> | undefined;
    const isFree = !this.#held.has(name);
    this.#held.add(name);
    await held(isFree ? { name, mode: 'exclusive' } : null);
    if (isFree) this.#held.delete(name);
    return undefined;
  }
}
