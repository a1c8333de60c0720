import { performance } from 'node:perf_hooks';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { AbortContext, DrainingError, isAbortOf, LeaseLostError, wait } from '../abort/index.js';
import { DomainError } from '../problems/index.js';
import { toFailure, type TaskFailure } from './task-failure.js';
import { TaskItemsRepository, type ItemEnd, type ItemHead } from './task-items.repository.js';
import { TASK_SETTINGS, type TaskSettings } from './task-settings.js';
import type { JobHandle } from './task-spec.js';

/** One item while it is worked on. */
export interface Item {
  /** From 1. */
  readonly ordinal: number;
  readonly total: number;
  readonly key: string;
  readonly name: string;
  readonly input: unknown;
  /** Where in the task this is: `file 3/40`. */
  readonly stage: string;
}

export interface EachOptions {
  /** How many items at once. */
  readonly concurrency: number;
  /** What an item is called in its stage: `file`, `item`. */
  readonly word: string;
  /** The LLM calls of one item on the straight path, by their stages. */
  readonly calls: (stage: string) => readonly string[];
  /** Those that follow once all items have come to an end. */
  readonly lastCalls: readonly string[];
}

/** What has become of the items of a task, those of earlier attempts included. */
export interface ItemCounts {
  readonly completed: number;
  readonly failed: number;
  readonly total: number;
}

/** An item that so many workers have begun, and none has come back from, is what makes them vanish. */
const MOST_BEGINNINGS = 3;
/** How often an item is tried whose failure may pass. */
const TRIES = 3;
const FIRST_RETRY_MS = 250;
const MAY_PASS = new Set(['upstream_error', 'upstream_rate_limited', 'upstream_timeout', 'invalid_model_output']);
/** Not the item's fault: the job goes back to the queue, and waits for better times. */
const NOT_THE_ITEMS = new Set(['database_unavailable']);
const TOLD_EVERY = 10;

const VANISHED = toFailure(new DomainError('item_lost', 'Every instance that worked on this item vanished while it did.'));

/** Works through the items of a job, so that each is paid for once: whatever stops the job, what is finished stays so. */
@Injectable()
export class TaskItems {
  readonly #logger = new Logger('Tasks');

  constructor(
    @Inject(TASK_SETTINGS) private readonly settings: TaskSettings,
    private readonly context: AbortContext,
    private readonly rows: TaskItemsRepository,
  ) {}

  /**
   * Gives each item that has not come to an end to `work`, several at once, each in its own stage; what it returns is kept with the item.
   * A failure ends its item, after some tries where it may pass, and not the job. Throws the abort's reason once all in flight have
   * stopped; those wait again. While the instance leaves it begins no other item, and throws `DrainingError` after those in flight.
   */
  async each(task: JobHandle, options: EachOptions, work: (item: Item) => Promise<unknown>): Promise<ItemCounts> {
    const heads = await this.rows.heads(task.claim);
    const round = new Round(task, options, heads);
    const lane = async (): Promise<void> => {
      for (let head = round.next(); head; head = round.next()) await this.#one(round, head, work);
    };
    const lanes = await Promise.allSettled(Array.from({ length: options.concurrency }, () => round.guarded(lane)));
    const failed = lanes.find((each) => each.status === 'rejected');
    if (failed) throw failed.reason;
    if (round.isCutShort) task.abort(new DrainingError());
    task.scope.checkpoint();
    return round.counts;
  }

  async #one(round: Round, head: ItemHead, work: (item: Item) => Promise<unknown>): Promise<void> {
    const { task } = round;
    task.scope.checkpoint();
    const begun = await this.#begin(task, head);
    if (!begun) throw this.#lost(task);
    const item = round.begin(head, begun.input);
    if (begun.attempts > MOST_BEGINNINGS) {
      await this.#end(round, item, { state: 'failed', error: VANISHED });
      return;
    }
    await this.context.stage(item.stage, async () => this.#end(round, item, await this.#outcomeOf(round, item, work)));
  }

  /** Told to stop while the item was being begun, nobody can say whether it was. */
  async #begin(task: JobHandle, { ordinal }: ItemHead) {
    try {
      return await this.rows.begin(task.claim, this.settings.instanceId, ordinal);
    } catch (error) {
      await this.#release(task, ordinal);
      throw error;
    }
  }

  /** How the item ends. Throws where the job stops instead. */
  async #outcomeOf(round: Round, item: Item, work: (item: Item) => Promise<unknown>): Promise<ItemEnd> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return { state: 'completed', result: await work(item) };
      } catch (error) {
        const failure = await this.#failureOf(round, item, error);
        if (attempt === TRIES || !MAY_PASS.has(failure.code)) return { state: 'failed', error: failure };
        await this.#released(round, item, wait(FIRST_RETRY_MS * 2 ** (attempt - 1), this.context.signal));
      }
    }
  }

  async #failureOf({ task }: Round, item: Item, error: unknown): Promise<TaskFailure> {
    if (isAbortOf(error, task.scope.signal)) {
      await this.#release(task, item.ordinal);
      throw error;
    }
    const failure = toFailure(error);
    if (NOT_THE_ITEMS.has(failure.code)) throw this.#lost(task);
    this.#logFailure(task, item, failure, error);
    return failure;
  }

  /** A defect is told whole: its client hears no more than that there was one. */
  #logFailure({ id }: JobHandle, { stage }: Item, { code }: TaskFailure, error: unknown): void {
    const fields = { msg: `[Tasks] Task ${id}: ${stage} failed (${code})`, task_id: id, stage, code };
    if (code === 'internal_error') this.#logger.error({ ...fields, err: error });
    else this.#logger.log(fields);
  }

  /** Waits; where that is not to be, the item waits for somebody else. */
  async #released({ task }: Round, item: Item, work: Promise<void>): Promise<void> {
    try {
      await work;
    } catch (error) {
      await this.#release(task, item.ordinal);
      throw error;
    }
  }

  /** In a shield: what has been paid for is kept. */
  async #end(round: Round, { ordinal, name }: Item, end: ItemEnd): Promise<void> {
    const { task } = round;
    const isOurs = await this.context.shield(() => this.rows.end(task.claim, this.settings.instanceId, ordinal, end));
    if (!isOurs) throw this.#lost(task);
    round.end(end, name);
  }

  async #release({ claim }: JobHandle, ordinal: number): Promise<void> {
    await this.context.shield(() => this.rows.release(claim, this.settings.instanceId, ordinal));
  }

  /** Gives the task up: somebody else has it, or is to have it. */
  #lost(task: JobHandle): unknown {
    task.abort(new LeaseLostError());
    return task.scope.signal.reason;
  }
}

/** One passage through the items of a task: which are left, and how far it has come. */
class Round {
  readonly #logger = new Logger('Tasks');
  readonly task: JobHandle;
  readonly #options: EachOptions;
  readonly #total: number;
  readonly #left: ItemHead[];
  readonly #startedAt = performance.now();
  readonly #underWay = new Set<string>();
  #completed: number;
  #failed: number;
  #endedHere = 0;
  #isOver = false;

  constructor(task: JobHandle, options: EachOptions, heads: readonly ItemHead[]) {
    this.task = task;
    this.#options = options;
    this.#total = heads.length;
    this.#completed = heads.filter(({ state }) => state === 'completed').length;
    this.#failed = heads.filter(({ state }) => state === 'failed').length;
    this.#left = heads.filter(({ state }) => state === 'waiting' || state === 'running');
    const stages = this.#left.map(({ ordinal }) => this.#stageOf(ordinal));
    task.expect([...stages.flatMap(options.calls), ...options.lastCalls]);
    this.#tell();
  }

  get counts(): ItemCounts {
    return { completed: this.#completed, failed: this.#failed, total: this.#total };
  }

  /** Items were left for another instance. */
  get isCutShort(): boolean {
    return this.#left.length > 0;
  }

  /** The next to be begun; `undefined` where none is left, or none is to be begun any more. */
  next(): ItemHead | undefined {
    return this.#isOver || this.task.leaving.aborted ? undefined : this.#left.shift();
  }

  /** Where one lane fails, the others begin nothing more. */
  async guarded(lane: () => Promise<void>): Promise<void> {
    try {
      await lane();
    } catch (error) {
      this.#isOver = true;
      throw error;
    }
  }

  begin({ ordinal, key, name }: ItemHead, input: unknown): Item {
    this.#underWay.add(name);
    this.#tell();
    return { ordinal, total: this.#total, key, name, input, stage: this.#stageOf(ordinal) };
  }

  end({ state }: ItemEnd, name: string): void {
    this.#underWay.delete(name);
    if (state === 'completed') this.#completed += 1;
    else this.#failed += 1;
    this.#endedHere += 1;
    this.#tell();
    this.#log();
  }

  #stageOf(ordinal: number): string {
    return `${this.#options.word} ${ordinal}/${this.#total}`;
  }

  #tell(): void {
    const [item] = this.#underWay;
    const msPerItem = this.#endedHere > 0 ? (performance.now() - this.#startedAt) / this.#endedHere : undefined;
    this.task.progress({ done: this.#completed + this.#failed, total: this.#total, item, msPerItem });
  }

  #log(): void {
    const done = this.#completed + this.#failed;
    if (done % TOLD_EVERY !== 0) return;
    const { id } = this.task;
    this.#logger.log({ msg: `[Tasks] Task ${id} at ${done}/${this.#total}`, task_id: id, done, total: this.#total, failed: this.#failed });
  }
}
