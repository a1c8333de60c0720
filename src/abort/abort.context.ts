import { performance } from 'node:perf_hooks';
import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { describeCause, type AbortReason } from './abort-reason.js';
import { OutsideAbortScopeError } from './abort.errors.js';
import { ABORT_DEFAULTS, ABORT_OPTIONS, type AbortOptions } from './abort.options.js';
import { AbortScope, neverAborts, type SignalSource } from './abort-scope.js';
import { abortStorage, type AbortFrame } from './abort-storage.js';
import { AbortStats } from './abort.stats.js';
import { deriveSignal, type DerivedSignal, type DeriveOptions } from './derive-signal.js';
import type { ZombiePolicy } from './layer-watch.js';
import { DisconnectTurns } from './disconnect-turns.js';
import { ShieldQueue } from './shield-queue.js';

export interface RunOptions {
  /** The id under which this work is known; a random UUID if left out. */
  readonly id?: string;
  /** What books and logs know the work by, for example its owner. Inherited by shields inside it. */
  readonly labels?: Readonly<Record<string, string>>;
  /** Stops the work with a `DeadlineExceededError` after so many milliseconds. */
  readonly timeoutMs?: number;
  /**
   * Called before every look at the signal, and may abort what `run` was given: for what no timer can tell in time, such as a lease that
   * ran out while the process was frozen. Must cost next to nothing.
   */
  readonly look?: () => void;
  /** Told of each stage that the work enters, in the turn in which it does. */
  readonly onStage?: (stage: string) => void;
}

export interface ShieldOptions {
  /** How long it may run, in milliseconds. */
  readonly timeout?: number;
  /** It may wait until others are done: books of which nobody is waiting for one. */
  readonly isPatient?: boolean;
}

const LONGEST_PATIENCE_MS = 60_000;

/**
 * The ambient abort context: whose work this is, whether it is still wanted, and at which stage it is. Carried by
 * AsyncLocalStorage, so it needs no parameter; every method applies to the innermost scope around the caller.
 */
@Injectable()
export class AbortContext {
  readonly #logger = new Logger('Abort');
  readonly #policy: ZombiePolicy;
  readonly #shieldTimeoutMs: number;
  readonly #stats: AbortStats;
  readonly #turns: DisconnectTurns;
  readonly #shields: ShieldQueue;

  constructor(
    @Optional() @Inject(ABORT_OPTIONS) options: Partial<AbortOptions> = {},
    @Optional() @Inject(AbortStats) stats: AbortStats = new AbortStats(),
    @Optional() @Inject(DisconnectTurns) turns = new DisconnectTurns(),
  ) {
    this.#turns = turns;
    this.#shields = new ShieldQueue(turns);
    const { zombieAfterMs = ABORT_DEFAULTS.zombieAfterMs, shieldTimeoutMs = ABORT_DEFAULTS.shieldTimeoutMs } = options;
    this.#stats = stats;
    this.#shieldTimeoutMs = shieldTimeoutMs;
    this.#policy = { zombieAfterMs, isHeld: () => turns.isCrowd, onZombie: (zombie) => this.#nameZombie(zombie) };
  }

  /** The innermost frame, or `undefined` outside any scope. */
  get frame(): AbortFrame | undefined {
    return abortStorage.getStore();
  }

  /** The innermost scope. Throws `OutsideAbortScopeError` where there is none. */
  get scope(): AbortScope {
    return this.require('AbortContext.scope').scope;
  }

  /** The ambient signal. Aborts only ever with an `AbortReason`, unless foreign code aborted the signal given to `run`. */
  get signal(): AbortSignal {
    return this.scope.signal;
  }

  /**
   * Milliseconds until a deadline ends the work around the caller, for whatever takes a timeout of its own: `Infinity` without one. The
   * first of those around it counts, but beyond a shield or detached work.
   */
  get remainingMs(): number {
    return this.scope.remainingMs;
  }

  /** The stage the caller is in. */
  get currentStage(): string | undefined {
    return this.frame?.stage;
  }

  /** The innermost frame, or `OutsideAbortScopeError` naming who asked. For gateways, which must not work outside a scope. */
  require(who: string): AbortFrame {
    const frame = abortStorage.getStore();
    if (!frame) throw new OutsideAbortScopeError(who);
    return frame;
  }

  /**
   * The look before something expensive. Throws the reason if the ambient signal has aborted, after one INFO line
   * `[stage] Client disconnected, <action>`; returns in nanoseconds otherwise.
   */
  checkpoint(stage?: string, action = 'stopping'): void {
    const frame = this.require('AbortContext.checkpoint');
    if (stage !== undefined) frame.scope.enter(stage);
    if (!frame.scope.signal.aborted) return;
    this.announce(action, stage);
    throw frame.scope.signal.reason;
  }

  /**
   * Follows a piece of work in flight, so that the receipt can say when it was told and when it stopped. It does not race: after an
   * abort the caller is held until the work has really stopped, or until `zombieAfterMs`, when the work is named and let go.
   */
  track<T>(layer: string, operation: string, work: PromiseLike<T>): Promise<T> {
    const { scope, stage } = this.require('AbortContext.track');
    return scope.track(layer, operation, stage, work);
  }

  /** Runs `fn` as a named stage of the work. Parallel stages each keep their own name. */
  stage<T>(stage: string, fn: () => T): T {
    const { scope, kind, why } = this.require('AbortContext.stage');
    scope.enter(stage);
    return abortStorage.run({ scope, kind, why, stage }, fn);
  }

  /**
   * Runs `fn` in a scope of its own under `signal`: for work that is no HTTP request, or that needs an id and a receipt of its own.
   * Aborts with the reason of `signal`, or of `timeoutMs`; at a look after the deadline of the scope around it, with the reason of that.
   * What it subscribed is released when `fn` settles.
   */
  async run<T>(
    signal: AbortSignal,
    fn: (scope: AbortScope) => T | Promise<T>,
    { id, labels, timeoutMs, look, onStage }: RunOptions = {},
  ): Promise<T> {
    using derived = deriveSignal([signal], { timeoutMs });
    const outer = this.frame?.scope;
    const source = { ...sourceOf(derived, outer, look), abort: (reason: AbortReason) => derived.abort(reason), onStage };
    const scope = this.#scope(source, labels, id);
    return await abortStorage.run({ scope, kind: 'live' }, () => fn(scope));
  }

  /**
   * Runs `fn` where the surrounding abort cannot reach it: the books of stopped work. It has a deadline of its own, after which its
   * signal aborts with `DeadlineExceededError`. Keeps the id and stage of the work around it.
   *
   * With `isPatient` it lets others go first where very many are stopped at once, and where their clients have left lets all of them be told
   * first, for at most a minute; its time counts from when it is let. Not for what somebody waits for, and never inside of another such shield.
   */
  async shield<T>(fn: () => T | Promise<T>, { timeout = this.#shieldTimeoutMs, isPatient = false }: ShieldOptions = {}): Promise<T> {
    const outer = this.require('AbortContext.shield');
    const run = async (): Promise<T> => {
      using derived = deriveSignal([], { timeoutMs: timeout });
      const scope = this.#scope(sourceOf(derived), outer.scope.labels, outer.scope.id);
      return await abortStorage.run({ scope, kind: 'shield', stage: outer.stage }, fn);
    };
    if (!isPatient) return await run();
    const isOfCrowd = outer.scope.isAborted && outer.scope.reason?.abortCause === 'client_disconnect';
    const release = outer.scope.hold();
    try {
      return await this.#shields.run(run, LONGEST_PATIENCE_MS, isOfCrowd);
    } finally {
      release();
    }
  }

  /** Runs `fn` on behalf of nobody: boot, migrations, sweeps. Nothing aborts it; `reason` says why that is right. */
  async detached<T>(reason: string, fn: () => T | Promise<T>): Promise<T> {
    const scope = this.#scope(neverAborts);
    return await abortStorage.run({ scope, kind: 'detached', why: reason }, fn);
  }

  /**
   * The ambient signal for what takes long to unwind once it aborts, as a framework does that rejects one promise after another. It aborts
   * with the ambient one; but where a crowd of clients leaves in one moment, in a turn after the signals of all of them have aborted, so
   * that what costs money stops first. For that, what costs money listens to the ambient signal itself, and so does every checkpoint. Hold
   * it with `using`.
   */
  unwinding(options: Pick<DeriveOptions, 'isStackless'> = {}, frame: AbortFrame = this.require('AbortContext.unwinding')): DerivedSignal {
    return deriveSignal([frame.scope.signal], { ...options, unwind: (abort) => this.unwind(abort, frame) });
  }

  /** Calls `fn`, which is part of unwinding an aborted scope, when signals of `unwinding` abort: at once, or in a turn of its own. */
  unwind(fn: () => void, frame: AbortFrame = this.require('AbortContext.unwind')): void {
    if (frame.scope.reason?.abortCause === 'client_disconnect') this.#turns.unwind(fn);
    else fn();
  }

  /** Opens the scope of a request. For whatever lets requests in. */
  openScope(source: SignalSource): AbortScope {
    return this.#scope(source);
  }

  /**
   * One INFO line that says why and where work stopped: `[stage] Client disconnected, <action>`. Once for each scope and stage.
   * Abort listeners run in the context of whoever aborts: they pass the `frame` that they took when they began to listen.
   */
  announce(action: string, stage?: string, frame: AbortFrame = this.require('AbortContext.announce')): void {
    const where = stage ?? frame.stage ?? frame.scope.lastStage ?? 'request';
    const { reason } = frame.scope;
    if (!reason || !frame.scope.announce(where)) return;
    const msg = `[${where}] ${describeCause(reason.abortCause)}, ${action}`;
    this.#logger.log({ msg, task_id: frame.scope.id, stage: where, cause: reason.abortCause });
  }

  #scope(source: SignalSource, labels?: Readonly<Record<string, string>>, id?: string): AbortScope {
    return new AbortScope(source, this.#policy, labels, id);
  }

  #nameZombie({ layer, operation, stage }: { layer: string; operation: string; stage: string | undefined }): void {
    this.#stats.zombies += 1;
    const msg = `[${stage ?? layer}] Zombie: ${layer} ${operation} ignores its signal, still running ${this.#policy.zombieAfterMs} ms after the abort`;
    this.#logger.warn({ msg, layer, operation, stage });
  }
}

/** The signal of a scope, and every clock that ends it: its own, and that of the scope around it, which no timer here knows. */
function sourceOf(derived: DerivedSignal, outer?: AbortScope, look?: () => void): SignalSource {
  const outerDeadline = outer?.deadline ?? Infinity;
  return {
    open: () => derived.signal,
    deadline: Math.min(derived.deadline, outerDeadline),
    look: () => {
      look?.();
      if (outerDeadline !== Infinity && performance.now() >= outerDeadline && !derived.signal.aborted) derived.abort(outer?.signal.reason);
      derived.look();
    },
  };
}
