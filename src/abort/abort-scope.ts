import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { toAbortReason, type AbortReason } from './abort-reason.js';
import { LayerWatch, type LayerReport, type ZombiePolicy } from './layer-watch.js';

/** Where a scope's signal comes from. Asked at most once, by the first who looks: a scope nobody looks at costs nothing. */
export interface SignalSource {
  open(): AbortSignal;
  /** When a clock will abort the signal, as `performance.now()` counts. Left out where none will. */
  readonly deadline?: number;
  /** Called before every look at the signal, which it may abort. */
  look?(): void;
  /** Aborts the signal from within; absent where only somebody outside can. */
  abort?(reason: AbortReason): void;
  /** Told of each stage that the work enters. */
  onStage?(stage: string): void;
}

/**
 * For work that nothing aborts. Each scope gets a signal of its own: on one that they shared, whatever listens to it would stay for
 * as long as the process lives.
 */
export const neverAborts: SignalSource = { open: () => new AbortController().signal };

/** What a stopped scope says of itself. Times of layers count in milliseconds from the abort. */
export interface AbortReport {
  readonly cause: AbortReason['abortCause'];
  /** The stage that the work had reached. */
  readonly stage: string | undefined;
  /** When the last layer had stopped, in milliseconds from the abort; `null` while one runs on. */
  readonly stoppedMs: number | null;
  readonly layers: readonly LayerReport[];
  /** Layers that ignored their signal beyond the limit, as `layer:operation`. */
  readonly zombies: readonly string[];
}

/** One unit of abortable work: a request, a task, a shield. It holds a signal (made when first looked at) and what runs under it. */
export class AbortScope {
  #lastStage?: string;
  readonly #source: SignalSource;
  readonly #policy: ZombiePolicy;
  #signal?: AbortSignal;
  #watch?: LayerWatch;
  #announced?: Set<string>;
  #held = 0;
  #id?: string;

  constructor(
    source: SignalSource,
    policy: ZombiePolicy,
    /** What the books and logs know the work by: its owner, its kind. */
    readonly labels: Readonly<Record<string, string>> = {},
    id?: string,
  ) {
    this.#source = source;
    this.#policy = policy;
    this.#id = id;
  }

  get id(): string {
    return (this.#id ??= randomUUID());
  }

  /** The stage entered last. Inside parallel branches `AbortContext.stage` knows each branch's own. */
  get lastStage(): string | undefined {
    return this.#lastStage;
  }

  /** Whether its signal is aborted, without a look at it: one that nobody has looked at is not. */
  get isAborted(): boolean {
    return this.#signal?.aborted ?? false;
  }

  /** Says that the work has come to a stage. */
  enter(stage: string): void {
    this.#lastStage = stage;
    this.#source.onStage?.(stage);
  }

  get signal(): AbortSignal {
    this.#signal ??= this.#source.open();
    this.look();
    return this.#signal;
  }

  /** Aborts the signal where it must have aborted though no timer has said so, as its getter does. */
  look(): void {
    this.#source.look?.();
  }

  /** When a clock aborts this work, as `performance.now()` counts; `Infinity` where none does. */
  get deadline(): number {
    return this.#source.deadline ?? Infinity;
  }

  /** Milliseconds until a clock aborts this work: 0 once one has, `Infinity` where none does. */
  get remainingMs(): number {
    const { deadline } = this;
    return deadline === Infinity ? Infinity : Math.max(0, deadline - performance.now());
  }

  /** The typed reason of the abort, `undefined` while there is none. */
  get reason(): AbortReason | undefined {
    return this.signal.aborted ? toAbortReason(this.signal.reason) : undefined;
  }

  /** Throws the signal's own reason if it has aborted. Costs a property look. */
  checkpoint(): void {
    const signal = this.signal;
    if (signal.aborted) throw signal.reason;
  }

  /**
   * Stops this work from within, as what it needs does when there is no more of it. The first reason counts: throw `signal.reason`
   * afterwards. Throws an `Error` in a scope that `AbortContext.run` has not opened: a request stops with its client.
   */
  abort(reason: AbortReason): void {
    if (!this.#source.abort) throw new Error('This scope cannot be aborted from within. Run the work in one of its own: AbortContext.run.');
    if (!this.signal.aborted) this.#source.abort(reason);
  }

  /** True the first time that a stage is announced as stopped, and false after that: one line each. */
  announce(stage: string): boolean {
    this.#announced ??= new Set();
    const isFirst = !this.#announced.has(stage);
    this.#announced.add(stage);
    return isFirst;
  }

  /** True once a log line has said at which stage this scope stopped. */
  get hasAnnounced(): boolean {
    return this.#announced !== undefined;
  }

  /** See `LayerWatch.track`. */
  track<T>(layer: string, operation: string, stage: string | undefined, work: PromiseLike<T>): Promise<T> {
    this.#watch ??= new LayerWatch(this.signal, this.#policy, () => this.#held > 0 || this.#policy.isHeld?.() === true);
    return this.#watch.track(layer, operation, stage, work, () => this.signal.reason);
  }

  /** Its books wait for their turn: until what is returned is called, nothing that is tracked here is named a zombie. */
  hold(): () => void {
    this.#held += 1;
    return () => void (this.#held -= 1);
  }

  /** Resolves when all work tracked here has stopped, or has been named a zombie. */
  async settled(): Promise<void> {
    await this.#watch?.settled();
  }

  /** What is known of the stop so far; `undefined` where nothing was aborted. Final after `settled()`. */
  report(): AbortReport | undefined {
    const { reason } = this;
    if (!reason) return undefined;
    return {
      cause: reason.abortCause,
      stage: this.#lastStage,
      stoppedMs: this.#watch ? this.#watch.stoppedMs : 0,
      layers: this.#watch?.reports() ?? [],
      zombies: this.#watch?.zombies ?? [],
    };
  }
}
