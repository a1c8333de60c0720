import type { z } from 'zod';
import type { AbortScope } from '../abort/index.js';
import type { Tx } from '../database/index.js';
import type { Issued, Item, ItemCounts, NewItem, Outcome, TaskKey } from '../tasks/index.js';

/** What a feature does in the background: how much of it at once, and the work itself. */
export interface JobKind<Input> {
  readonly kind: string;
  /** What a job of this kind is asked for. What is large goes into its items. */
  readonly input: z.ZodType<Input>;
  /** How many on one instance at once. */
  readonly concurrency: number;
  /** How many of one user at once, over all instances. */
  readonly perUser: number;
  /** What an item is called in its stage: `file`, `item`. */
  readonly itemWord: string;
  /** The LLM calls of one item on the straight path, by their stages. */
  calls(itemStage: string): readonly string[];
  /** Those that follow once all items have come to an end, by their stages. */
  readonly lastCalls: readonly string[];
  /** May be begun several times, on several instances one after another: what it has finished it finds finished. */
  work(task: JobTask<Input>): Promise<Outcome<unknown>>;
  /** In the transaction that makes a task which goes on from another. */
  onResumed?(tx: Tx, from: TaskKey, to: TaskKey): Promise<void>;
}

/** A job as its own work sees it. */
export interface JobTask<Input> {
  readonly key: TaskKey;
  readonly input: Input;
  readonly scope: AbortScope;
  /**
   * Gives each item that has not come to an end to `work`, `concurrency` at a time, each in its own stage. What it returns is kept with
   * the item, whatever becomes of the job; a failure ends its item, after some tries where it may pass, and not the job. Throws the
   * abort's reason once all in flight have stopped; those wait again for whoever goes on.
   */
  each(options: { readonly concurrency: number }, work: (item: Item) => Promise<unknown>): Promise<ItemCounts>;
  /** The look at the signal before a phase of the work. Throws the reason, after a line in the log that says where the job stopped. */
  before(phase: string): void;
}

/** One job to be done. */
export interface JobOrder<Input> {
  readonly owner: string;
  /** Scopes that the work has by itself; those of the issue are added. */
  readonly scopes: readonly string[];
  readonly input: Input;
  readonly issue: Issued;
  readonly items: readonly NewItem[];
  /** Commits with the task; not run where the task is there already. */
  readonly also?: (tx: Tx) => Promise<void>;
}
