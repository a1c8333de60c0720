import { Logger } from '@nestjs/common';
import type { AbortContext } from '../../abort/index.js';
import { reasonOf } from '../redis-client.js';
import type { TaskKey } from '../task.js';
import type { EventLog, LoggedEvent } from './event-log.js';
import { EventQueue, keyOf } from './event-queue.js';
import type { TaskEvent } from './task-event.js';

/** The pace of an `EventWriter`, in milliseconds where no other unit is named. */
export interface EventWriterOptions {
  /** How long the first that waits may wait for others. */
  readonly flushMs: number;
  /** With so many waiting a batch goes out at once, and none has more. */
  readonly batchEvents: number;
  /** Nor is the data of a batch longer, in characters, unless that of its only event is. */
  readonly batchLength: number;
  /** How long after a batch that failed the next one is tried. */
  readonly retryMs: number;
  /** How long the same event is tried. */
  readonly giveUpMs: number;
  /** More events do not wait. */
  readonly maxPending: number;
  /** How long `close` writes at the most. */
  readonly closeMs: number;
}

const DEFAULTS: EventWriterOptions = {
  flushMs: 25,
  batchEvents: 500,
  batchLength: 1_000_000,
  retryMs: 250,
  giveUpMs: 5000,
  maxPending: 20_000,
  closeMs: 3000,
};

/** Called synchronously, so it must not be a promise's: its rejection would be nobody's. */
type WrittenListener = (tasks: readonly TaskKey[]) => void;

/** From the first batch that failed, or event that was dropped, until everything that waited is written. */
interface Outage {
  reason: string;
  failures: number;
  lost: number;
}

/**
 * Writes what tasks tell behind their backs: in small batches, one at a time, those of each task in their order. A log that fails is
 * tried again for seconds; then the oldest events are dropped, with one warning, and readers see a gap. Nothing here ever rejects.
 */
export class EventWriter {
  readonly #logger = new Logger('Events');
  readonly #log: EventLog;
  readonly #context: AbortContext;
  readonly #options: EventWriterOptions;
  readonly #queue = new EventQueue();
  readonly #listeners = new Set<{ readonly hear: WrittenListener }>();
  #timer?: NodeJS.Timeout;
  #isUnderWay = false;
  #isFailing = false;
  #outage?: Outage;
  #closing?: Promise<void>;
  #isClosed = false;
  /** Set while it closes: called when nothing waits any more. */
  #onEmpty?: () => void;

  constructor(log: EventLog, context: AbortContext, options: Partial<EventWriterOptions> = {}) {
    this.#log = log;
    this.#context = context;
    this.#options = { ...DEFAULTS, ...options };
  }

  /** Takes an event, and returns at once. What comes after `close` is lost. */
  add(task: TaskKey, event: TaskEvent): void {
    if (this.#closing) return;
    this.#queue.add({ task, event }, performance.now());
    const { maxPending, batchEvents } = this.#options;
    if (this.#queue.length > maxPending) this.#lose(this.#queue.drop(batchEvents), 'more was told than could be written');
    this.#schedule();
  }

  /** Resolves when everything that was added for the task so far is written or given up. */
  async flushed(task: TaskKey): Promise<void> {
    await this.#queue.settled(task);
  }

  /** Called with the tasks of every batch that has been written. Returns what ends that. */
  onWritten(listener: WrittenListener): () => void {
    const entry = { hear: listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  /** Writes what waits, and gives up what cannot be written soon. Leaves no timer; may be called again. */
  close(): Promise<void> {
    return (this.#closing ??= this.#finish());
  }

  async #finish(): Promise<void> {
    const empty = Promise.withResolvers<undefined>();
    this.#onEmpty = () => empty.resolve(undefined);
    const time = setTimeout(this.#onEmpty, this.#options.closeMs);
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#schedule();
    await empty.promise;
    clearTimeout(time);
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#lose(this.#queue.clear(), 'the log did not take them before the end');
    this.#listeners.clear();
  }

  #schedule(): void {
    if (this.#isUnderWay || this.#isClosed) return;
    if (this.#queue.length === 0) this.#onEmpty?.();
    else if (this.#isDue()) void this.#write();
    else this.#timer ??= setTimeout(() => void this.#write(), this.#isFailing ? this.#options.retryMs : this.#options.flushMs);
  }

  #isDue(): boolean {
    return !this.#isFailing && (this.#onEmpty !== undefined || this.#queue.length >= this.#options.batchEvents);
  }

  async #write(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isUnderWay = true;
    const { batchEvents, batchLength } = this.#options;
    await this.#append(this.#queue.take(batchEvents, batchLength));
    this.#isUnderWay = false;
    this.#schedule();
  }

  async #append(batch: readonly LoggedEvent[]): Promise<void> {
    try {
      await this.#context.detached('what tasks tell is written down', () => this.#log.append(batch));
    } catch (error) {
      this.#fail(reasonOf(error));
      return;
    }
    if (this.#isClosed) return;
    this.#isFailing = false;
    this.#tell(batch);
    this.#queue.settle();
    this.#recover();
  }

  #fail(reason: string): void {
    if (this.#isClosed) return;
    this.#isFailing = true;
    this.#queue.putBack();
    this.#outage ??= { reason, failures: 0, lost: 0 };
    this.#outage.failures += 1;
    this.#lose(this.#queue.dropUntil(performance.now() - this.#options.giveUpMs), reason);
  }

  /** One warning for each outage, however many are lost. */
  #lose(count: number, reason: string): void {
    if (count === 0) return;
    this.#outage ??= { reason, failures: 0, lost: 0 };
    if (this.#outage.lost === 0) this.#logger.warn({ msg: '[Events] Events could not be written and are lost: readers see a gap', reason });
    this.#outage.lost += count;
  }

  /** What a log that failed has said is told in the end, also where nothing was lost by it. */
  #recover(): void {
    if (!this.#outage || this.#queue.length >= this.#options.batchEvents) return;
    const { reason, failures, lost } = this.#outage;
    this.#outage = undefined;
    this.#logger.log({ msg: `[Events] Events are written again after ${failures} batches that failed, ${lost} events are lost`, reason });
  }

  #tell(batch: readonly LoggedEvent[]): void {
    const tasks = [...new Map(batch.map(({ task }) => [keyOf(task), task])).values()];
    for (const { hear } of this.#listeners) {
      try {
        hear(tasks);
      } catch (error) {
        this.#logger.error({ err: error, msg: '[Events] A listener failed' });
      }
    }
  }
}
