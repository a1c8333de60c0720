/** Gives back a slot. Safe to call twice. */
export type Release = () => void;

interface Waiter {
  readonly grant: (release: Release) => void;
}

/** At most so many calls at once, first come, first served. An abort leaves the queue at once, so nobody waits behind the dead. */
export class CallSlots {
  #free: number;
  readonly #queue = new Set<Waiter>();

  constructor(limit: number) {
    this.#free = limit;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  /** Resolves with the right to call, or rejects with the signal's reason as soon as it aborts. */
  acquire(signal: AbortSignal): Promise<Release> {
    return new Promise((resolve, reject) => {
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const waiter: Waiter = {
        grant: (release) => {
          signal.removeEventListener('abort', onAbort);
          resolve(release);
        },
      };
      const onAbort = (): void => {
        this.#queue.delete(waiter);
        reject(signal.reason);
      };
      signal.addEventListener('abort', onAbort, { once: true });
      this.#queue.add(waiter);
      this.#serve();
    });
  }

  #serve(): void {
    for (const waiter of this.#queue) {
      if (this.#free === 0) return;
      this.#free -= 1;
      this.#queue.delete(waiter);
      waiter.grant(this.#releaseOnce());
    }
  }

  #releaseOnce(): Release {
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      this.#free += 1;
      this.#serve();
    };
  }
}
