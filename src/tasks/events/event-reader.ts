import { performance } from 'node:perf_hooks';
import { AbortContext, wait, deriveSignal } from '../../abort/index.js';
import { IDLE, type ServerEvent } from '../../sse/index.js';
import { isTerminal, type TaskState } from '../task-state.js';
import type { TaskKey, TaskRow } from '../task.js';
import type { Pacer, TaskChannel } from './task-channel.js';
import { endOf, isAfter, isNext, toEventId, type EventPosition, type TaskEvent } from './task-event.js';

/** Where a reader finds what a task tells, and how it is woken. */
export interface EventSource {
  /** What is told on this instance, while the task is worked on here. */
  channel(task: TaskKey): TaskChannel | undefined;
  /** What is in the log after a position; `undefined` while it is out of reach. */
  read(task: TaskKey, after: EventPosition | undefined, limit: number): Promise<readonly TaskEvent[] | undefined>;
  row(task: TaskKey): Promise<TaskRow | undefined>;
  /** The last event of a task that has ended. */
  end(row: TaskRow): Promise<TaskEvent>;
  /** What a reader is shown that has missed something. */
  snapshot(row: TaskRow): Promise<object>;
  /** Calls back whenever there may be something new; returns what ends that. */
  listen(task: TaskKey, wake: (why: Wake) => void): () => void;
  /** Says to whoever works on the task that somebody reads here. */
  follow(task: TaskKey): void;
}

export type Wake = 'told' | 'ended';

/** So many events are fetched at once. */
const PAGE = 200;
/** What travels between instances may be lost: a reader looks again so often at the least. */
const REREAD_MS = 1000;
/** Nobody waits any more. */
const DONE = Symbol('DONE');
/** What was told just before the end may come into the log after it; later than this it was lost. */
const CATCH_UP_MS = 2000;

/**
 * Reads what one task tells, from a position on: without a gap that is not told, without a double, on any instance, during the task and
 * after it. Its owner asks for one event after another, and lets go with `leave`.
 */
export class EventReader implements Pacer {
  readonly #context: AbortContext;
  readonly #source: EventSource;
  readonly #task: TaskKey;
  readonly #signal: AbortSignal;
  readonly #stopListening: () => void;
  #position: EventPosition | undefined;
  #queue: TaskEvent[] = [];
  #channel?: TaskChannel;
  #stopTelling?: () => void;
  #letGo?: () => void;
  #wake = noop;
  /** The row has to be looked at: the task may have ended since. */
  #mayHaveEnded = true;
  #endedAt?: number;
  #isOver = false;
  #isLogOut = false;

  constructor(context: AbortContext, source: EventSource, task: TaskKey, signal: AbortSignal, after?: EventPosition) {
    this.#context = context;
    this.#source = source;
    this.#task = task;
    this.#signal = signal;
    this.#position = after;
    this.#stopListening = source.listen(task, (why) => {
      if (why === 'ended') this.#mayHaveEnded = true;
      this.#wake();
    });
  }

  /** Whoever says that it has heard more than there is must not be waited for. */
  get taken(): number {
    const { attempt = 0, sequence = 0 } = this.#position ?? {};
    const { attempt: current = 0 } = this.#channel ?? {};
    if (attempt > current) return Infinity;
    return attempt === current ? sequence : 0;
  }

  /** The work goes no faster than this reader from now on, unless it has left. To be called where the task is worked on. */
  setPace(): void {
    if (!this.#isOver) this.#letGo = this.#findChannel()?.keepPaceWith(this);
  }

  /** Nothing has been heard of this task: it is new. To be called before the first `take`. */
  startOver(): void {
    this.#position = undefined;
  }

  /**
   * The next event; `IDLE` when none has come within so many milliseconds, and `undefined` after the last. One at a time. Rejects with the
   * reason of the reader's signal, and with what is wrong with the database.
   */
  async take(withinMs: number): Promise<ServerEvent | typeof IDLE | undefined> {
    const deadline = performance.now() + withinMs;
    try {
      return await this.#next(deadline);
    } catch (error) {
      if (this.#isOver) return undefined;
      throw error;
    }
  }

  /** Nobody reads any more. What is being waited for ends. */
  leave(): void {
    this.#isOver = true;
    this.#queue = [];
    this.#stopListening();
    this.#stopTelling?.();
    // Work that is not to go on without its reader is aborted in this turn, and must not have begun anything before that.
    const letGo = this.#letGo;
    if (letGo) setImmediate(letGo);
    this.#wake();
  }

  async #next(deadline: number): Promise<ServerEvent | typeof IDLE | undefined> {
    for (;;) {
      const event = this.#queue.shift();
      if (event) return this.#pass(event);
      if (this.#isOver) return undefined;
      const woken = this.#awake();
      if (await this.#context.run(this.#signal, () => this.#look())) continue;
      const left = deadline - performance.now();
      if (left <= 0) return IDLE;
      await this.#pause(woken, left);
    }
  }

  #pass(event: TaskEvent): ServerEvent {
    this.#position = event;
    this.#channel?.hasRoom();
    return { id: toEventId(event), type: event.type, data: event.data };
  }

  /** Fetches what there is; whether there was anything, or it is over. */
  async #look(): Promise<boolean> {
    if (await this.#fetch()) return true;
    if (!this.#mayHaveEnded) return this.#isOver;
    const row = await this.#source.row(this.#task);
    if (!row) return (this.#isOver = true);
    const hasMovedOn = this.#forgetBefore(row.attempt);
    if (isTerminal(row.state as TaskState)) return await this.#finish(row);
    this.#mayHaveEnded = false;
    return hasMovedOn || this.#isOver;
  }

  async #fetch(): Promise<boolean> {
    const channel = this.#findChannel();
    const events = channel?.since(this.#position) ?? (await this.#fromLog(channel));
    const [first] = events;
    if (!first) return false;
    if (!(await this.#isNext(first))) await this.#tellGap({ attempt: first.attempt, sequence: first.sequence - 1 });
    this.#queue.push(...upToHole(events));
    return true;
  }

  async #fromLog(channel: TaskChannel | undefined): Promise<readonly TaskEvent[]> {
    this.#source.follow(this.#task);
    const logged = await this.#source.read(this.#task, this.#position, PAGE);
    this.#isLogOut = logged === undefined;
    if (!logged || logged.length > 0) return logged ?? [];
    // What a former attempt told last may still be on its way: the log has it before anything of this one.
    return channel?.attempt === this.#position?.attempt ? (channel?.rest(this.#position) ?? []) : [];
  }

  /** Nothing was told between the reader's position and `first`. A former attempt had more to tell unless the log knows its last. */
  async #isNext(first: TaskEvent): Promise<boolean> {
    const position = this.#position;
    if (!isNext(first, position)) return false;
    if (!position) return first.attempt === 1;
    if (position.attempt === first.attempt) return true;
    const [last] = (await this.#source.read(this.#task, { ...position, sequence: position.sequence - 1 }, 1)) ?? [];
    return last?.attempt === position.attempt && last.sequence === position.sequence;
  }

  /** The row said that the task has ended: what is still on its way into the log comes first, and then its end. */
  async #finish(row: TaskRow): Promise<boolean> {
    if (await this.#fetch()) return true;
    const last = { attempt: row.attempt, sequence: row.told };
    if (row.told > 0 && isAfter(last, this.#position)) {
      this.#endedAt ??= performance.now();
      if (performance.now() - this.#endedAt < CATCH_UP_MS) return false;
      await this.#tellGap(last);
    }
    if (isAfter(endOf(row.attempt), this.#position)) this.#queue.push(await this.#source.end(row));
    this.#isOver = true;
    return true;
  }

  /** Something was trimmed, or lost: the reader is told so, and shown what the task has come to. */
  async #tellGap(upTo: EventPosition): Promise<void> {
    const row = await this.#source.row(this.#task);
    if (row) this.#queue.push({ ...upTo, type: 'gap', data: JSON.stringify(await this.#source.snapshot(row)) });
  }

  #findChannel(): TaskChannel | undefined {
    const channel = this.#isOver ? undefined : this.#source.channel(this.#task);
    if (!channel || channel === this.#channel) return this.#channel;
    this.#stopTelling?.();
    this.#channel = channel;
    this.#stopTelling = channel.onTold(() => this.#wake());
    return channel;
  }

  /** What a later attempt tells elsewhere is in the log alone. Returns whether there is one. */
  #forgetBefore(attempt: number): boolean {
    if (!this.#channel || this.#channel.attempt >= attempt) return false;
    this.#stopTelling?.();
    this.#channel = undefined;
    return true;
  }

  #awake(): Promise<undefined> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#wake = () => resolve(undefined);
    return promise;
  }

  /** Where the task is worked on, everything wakes its readers by itself; who is not, or not any more, looks at the row. */
  async #pause(woken: Promise<undefined>, left: number): Promise<void> {
    if (this.#isOver) return;
    const isHere = this.#source.channel(this.#task) !== undefined;
    using rest = deriveSignal([this.#signal]);
    const timer = wait(isHere && !this.#isLogOut ? left : Math.min(left, REREAD_MS), rest.signal);
    timer.catch(noop);
    try {
      await Promise.race([woken, timer]);
      if (!this.#source.channel(this.#task)) this.#mayHaveEnded = true;
    } finally {
      rest.abort(DONE);
    }
  }
}

/** Those that follow each other: what comes after a hole is fetched again, and told with its gap. */
function upToHole(events: readonly TaskEvent[]): TaskEvent[] {
  const hole = events.findIndex((event, i) => i > 0 && !isNext(event, events[i - 1]));
  return hole === -1 ? [...events] : events.slice(0, hole);
}

function noop(): void {
  // Nobody waits.
}
