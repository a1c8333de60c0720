import { performance } from 'node:perf_hooks';

/** One piece of work in flight when the abort came: when it was told, and when it had really stopped (`null`: it has not yet). */
export interface LayerReport {
  readonly layer: string;
  readonly operation: string;
  readonly stage: string | undefined;
  /** Milliseconds from the abort. */
  readonly toldMs: number;
  /** Milliseconds from the abort, `null` while it runs on. */
  readonly stoppedMs: number | null;
}

interface Live {
  readonly layer: string;
  readonly operation: string;
  readonly stage: string | undefined;
  readonly release: () => void;
  toldAt?: number;
  stoppedAt?: number;
  zombieTimer?: NodeJS.Timeout;
}

/** What happens to layers that outlive their abort. */
export interface ZombiePolicy {
  /** A layer that still runs so many milliseconds after it was told is a zombie. */
  readonly zombieAfterMs: number;
  /** While this says so, no time counts. */
  readonly isHeld?: () => boolean;
  readonly onZombie: (zombie: { layer: string; operation: string; stage: string | undefined }) => void;
}

/**
 * Watches the work in flight under one signal. From the abort on it notes for each layer when it was told and when it stopped, and
 * names those that do not.
 */
export class LayerWatch {
  /** What runs and can be expected to stop: without the zombies. */
  readonly #live = new Set<Live>();
  readonly #told: Live[] = [];
  readonly #zombies: Live[] = [];
  readonly #policy: ZombiePolicy;
  readonly #isHeld: () => boolean;
  #abortedAt?: number;
  #lastStopAt?: number;
  #waiters: (() => void)[] = [];

  /** `isHeld` while what runs waits for its turn to be written down: then its time does not count. */
  constructor(signal: AbortSignal, policy: ZombiePolicy, isHeld: () => boolean = () => false) {
    this.#policy = policy;
    this.#isHeld = isHeld;
    if (signal.aborted) this.#onAbort();
    else signal.addEventListener('abort', this.#onAbort, { once: true });
  }

  /**
   * Follows `work` until it settles and hands on its outcome. After an abort it holds its caller for as long as the work really
   * runs, but not beyond `zombieAfterMs`: then it rejects with `reason()` and the work is named a zombie.
   */
  track<T>(layer: string, operation: string, stage: string | undefined, work: PromiseLike<T>, reason: () => unknown): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const entry: Live = { layer, operation, stage, release: () => reject(reason()) };
      this.#live.add(entry);
      if (this.#abortedAt !== undefined) this.#tell(entry);
      work.then(
        (value) => {
          this.#stop(entry);
          resolve(value);
        },
        (error: unknown) => {
          this.#stop(entry);
          reject(error);
        },
      );
    });
  }

  /** Resolves once nothing runs any more that can be expected to stop: all has stopped, or what has not is named a zombie. */
  async settled(): Promise<void> {
    while (this.#live.size > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  get zombies(): readonly string[] {
    return this.#zombies.map(({ layer, operation }) => `${layer}:${operation}`);
  }

  /** Milliseconds from the abort to the moment when the last layer had stopped; `null` before that, and with a zombie. */
  get stoppedMs(): number | null {
    if (this.#abortedAt === undefined || this.#live.size > 0 || this.#zombies.length > 0) return null;
    return (this.#lastStopAt ?? this.#abortedAt) - this.#abortedAt;
  }

  reports(): LayerReport[] {
    const from = this.#abortedAt ?? 0;
    return this.#told.map(({ layer, operation, stage, toldAt, stoppedAt }) => ({
      layer,
      operation,
      stage,
      toldMs: (toldAt ?? from) - from,
      stoppedMs: stoppedAt === undefined ? null : stoppedAt - from,
    }));
  }

  readonly #onAbort = (): void => {
    this.#abortedAt = performance.now();
    for (const entry of this.#live) this.#tell(entry);
  };

  #tell(entry: Live): void {
    entry.toldAt = performance.now();
    this.#told.push(entry);
    this.#giveTime(entry);
  }

  #giveTime(entry: Live): void {
    const onTimeout = (): void => (this.#isHeld() ? this.#giveTime(entry) : this.#nameZombie(entry));
    entry.zombieTimer = setTimeout(onTimeout, this.#policy.zombieAfterMs).unref();
  }

  #stop(entry: Live): void {
    clearTimeout(entry.zombieTimer);
    // A zombie is on the receipt already: what becomes of it in the end changes nothing any more.
    if (!this.#live.delete(entry)) return;
    if (this.#abortedAt !== undefined) entry.stoppedAt = this.#lastStopAt = performance.now();
    this.#wakeIfSettled();
  }

  #nameZombie(entry: Live): void {
    this.#live.delete(entry);
    this.#zombies.push(entry);
    this.#policy.onZombie({ layer: entry.layer, operation: entry.operation, stage: entry.stage });
    entry.release();
    this.#wakeIfSettled();
  }

  #wakeIfSettled(): void {
    if (this.#live.size > 0) return;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }
}
