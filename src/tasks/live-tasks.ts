import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';
import { LeaseLostError, toAbortReason, type AbortReason, type AbortScope } from '../abort/index.js';
import { CANCEL, type DisconnectPolicy } from './disconnect-policy.js';
import type { TaskChannel } from './events/index.js';
import type { Grace } from './grace.js';
import type { Claim, Receipt, TaskKey } from './task.js';

/** How far a task has come, where it counts. */
export interface Progress {
  readonly done: number;
  readonly total: number | null;
  /** What is worked on at present. */
  readonly item?: string;
  /** What one item takes at this pace: with several at once, less than each of them. */
  readonly msPerItem?: number;
}

/** How far the work had come when it ended. */
export interface Reached {
  readonly stage: string | undefined;
  readonly progress: Progress;
  /** How many events its last attempt told. */
  readonly told: number;
}

/** What does not change about a task while it is worked on. */
export interface LiveTaskFacts {
  readonly claim: Claim;
  readonly kind: string;
  readonly inputHash: string;
  /** See `TaskSpec.calls`. */
  readonly calls: readonly string[];
  readonly done?: number;
  readonly total?: number;
  /** Runs in the background: given back to the queue where a request would end. */
  readonly isJob?: boolean;
  /** See `TaskSpec.onStopped`. */
  readonly onStopped?: (reason: AbortReason, receipt: Receipt) => void;
  /** What becomes of it when nobody waits for it any more: `cancel` where it is left out. */
  readonly onDisconnect?: DisconnectPolicy;
}

/** What a live task has from the instance that works on it. */
export interface LiveTaskMeans {
  readonly leaseMs: number;
  readonly abort: (reason: AbortReason) => void;
  readonly channel: TaskChannel;
  /** Where its policy is to wait for clients that have gone. */
  readonly grace?: Grace;
}

/** A task that this instance works on. */
export class LiveTask {
  readonly claim: Claim;
  readonly kind: string;
  readonly inputHash: string;
  /** Set anew where only the work itself can tell. */
  calls: readonly string[];
  readonly isJob: boolean;
  readonly onStopped: LiveTaskFacts['onStopped'];
  /** What it tells of itself. */
  readonly channel: TaskChannel;
  readonly #policy: DisconnectPolicy;
  readonly #grace?: Grace;
  readonly #leaseMs: number;
  readonly #abort: (reason: AbortReason) => void;
  /** Those who wait for the answer: the request that made the task, and retries that attached to it. */
  readonly #waiting = new Set<AbortSignal>();
  /** Those who wait on other instances, each until when, unless they say so again. */
  readonly #elsewhere = new Map<string, number>();
  /** Why the last of those here has gone, while somebody still waits elsewhere. */
  #left?: AbortReason;
  readonly #end = Promise.withResolvers<undefined>();
  progress: Progress;
  scope?: AbortScope;
  /** A cancel that was pushed before it was known whether this very task is the one that is written. */
  #pushed?: AbortReason;
  #isWritten = false;
  /** The end has been decided here: the heartbeat no longer looks. */
  isEnding = false;
  /** When the lease was last renewed, on this process's monotonic clock: the moment before it was asked for. */
  renewedAt = performance.now();

  constructor(
    { claim, kind, inputHash, calls, done = 0, total, isJob = false, onStopped, onDisconnect = CANCEL }: LiveTaskFacts,
    { leaseMs, abort, channel, grace }: LiveTaskMeans,
  ) {
    this.claim = claim;
    this.kind = kind;
    this.inputHash = inputHash;
    this.calls = calls;
    this.isJob = isJob;
    this.onStopped = onStopped;
    this.progress = { done, total: total ?? null };
    this.channel = channel;
    this.#policy = onDisconnect;
    this.#grace = grace;
    this.#leaseMs = leaseMs;
    this.#abort = abort;
  }

  /** The row is there: from now on the database must know it at every heartbeat. */
  get isWritten(): boolean {
    return this.#isWritten;
  }

  /** The row has been written for this task, and for no other request of the same id. */
  setWritten(): void {
    this.#isWritten = true;
    if (this.#pushed) this.#abort(this.#pushed);
    if (this.#left) this.#grace?.begin();
  }

  /** A cancel that came over the bus. Before the row is written it may be meant for another request of the same id. */
  push(reason: AbortReason): void {
    if (this.#isWritten) this.#abort(reason);
    else this.#pushed = reason;
  }

  /** Aborts with the first reason given; later ones change nothing. */
  abort(reason: AbortReason): void {
    this.#abort(reason);
  }

  /**
   * Aborts once the lease has run out. Asked at every look at the signal: a process that was frozen past its lease wakes up in the
   * middle of its work, before any timer.
   */
  look(): void {
    if (this.isWritten && performance.now() - this.renewedAt >= this.#leaseMs) this.#abort(new LeaseLostError());
    if (this.#left && this.#policy.type === 'cancel' && !this.isAwaitedElsewhere) this.#abort(this.#left);
  }

  /**
   * Waits for the answer: with the last of those who do, the disconnect policy decides. `cancel` aborts the task for that one's reason,
   * unless somebody waits elsewhere; `continue` goes on; `grace` goes on for a while. Returns what lets go without that.
   */
  attach(signal: AbortSignal): () => void {
    const leave = (): void => {
      signal.removeEventListener('abort', onAbort);
      this.#waiting.delete(signal);
    };
    const onAbort = (): void => {
      leave();
      if (this.#waiting.size > 0) return;
      this.#left = toAbortReason(signal.reason);
      if (this.isWritten) this.#grace?.begin();
      this.look();
    };
    this.#waiting.add(signal);
    this.#left = undefined;
    this.#grace?.stop();
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    return leave;
  }

  /** Somebody waits on another instance for `ms` more; 0 when they have gone. */
  awaitElsewhere(waiter: string, ms: number): void {
    if (ms > 0) this.#elsewhere.set(waiter, performance.now() + ms);
    else this.#elsewhere.delete(waiter);
    this.look();
  }

  /** Somebody is known to wait on another instance. */
  get isAwaitedElsewhere(): boolean {
    if (this.#elsewhere.size === 0) return false;
    const now = performance.now();
    return this.#elsewhere.values().some((until) => until > now);
  }

  /** How far the work has come, and how much it has told. */
  reached({ lastStage: stage }: AbortScope): Reached {
    return { stage, progress: this.progress, told: this.channel.told };
  }

  /** Where its policy is to wait for a client, and how long: on the receipt of one for which nobody came back. */
  get graceMs(): number | undefined {
    return this.#grace?.ms;
  }

  /** How many wait for the answer here. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Resolves when this instance no longer works on it. Rejects with the reason of `signal`, which only stops the waiting. */
  async ended(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { promise, reject } = Promise.withResolvers<never>();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    try {
      await Promise.race([this.#end.promise, promise]);
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  /** Tells those who wait in `ended`, and those who read. */
  finish(): void {
    this.#grace?.[Symbol.dispose]();
    this.#end.resolve(undefined);
    this.channel.finish();
  }
}

/** The tasks that this instance works on, by owner and id. */
@Injectable()
export class LiveTasks {
  readonly #tasks = new Map<string, LiveTask>();
  #whenEmpty: (() => void)[] = [];

  /** Before the row is written, so that no push can fall between. */
  add(task: LiveTask): void {
    this.#tasks.set(nameOf(task.claim), task);
  }

  remove(task: LiveTask): void {
    task.finish();
    const name = nameOf(task.claim);
    if (this.#tasks.get(name) === task) this.#tasks.delete(name);
    if (this.#tasks.size > 0) return;
    const waiting = this.#whenEmpty;
    this.#whenEmpty = [];
    for (const resolve of waiting) resolve();
  }

  find(key: TaskKey): LiveTask | undefined {
    return this.#tasks.get(nameOf(key));
  }

  all(): LiveTask[] {
    return [...this.#tasks.values()];
  }

  /** How many there are of each kind. */
  counts(): ReadonlyMap<string, number> {
    const counts = new Map<string, number>();
    for (const { kind } of this.#tasks.values()) counts.set(kind, (counts.get(kind) ?? 0) + 1);
    return counts;
  }

  /** Resolves when nothing is worked on. */
  async ended(): Promise<void> {
    if (this.#tasks.size > 0) await new Promise<void>((resolve) => this.#whenEmpty.push(resolve));
  }
}

function nameOf({ owner, id }: TaskKey): string {
  return `${id} ${owner}`;
}
