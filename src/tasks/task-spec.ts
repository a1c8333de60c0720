import type { AbortReason, AbortScope } from '../abort/index.js';
import type { Tx } from '../database/index.js';
import type { DisconnectPolicy } from './disconnect-policy.js';
import type { Issue } from './issue.js';
import type { Progress } from './live-tasks.js';
import type { Claim, Receipt } from './task.js';

/** What the receipt of a stopped task needs to know of its work, and who is told. */
export interface TaskPlan {
  /** The stages of the straight path that make an LLM call, one each: what an abort avoids is what is left of them. */
  readonly calls: readonly string[];
  /** Told once the work has stopped on an abort, and its receipt is written. */
  readonly onStopped?: (reason: AbortReason, receipt: Receipt) => void;
}

/** The same of a task that was enqueued. */
export interface JobPlan extends TaskPlan {
  /** How many tasks of one kind an owner may have under way at once, over all instances; any number where it is left out. */
  readonly perOwner?: number;
}

/** What is to be done, for whom, and under which names it can be cancelled. */
export interface TaskSpec extends TaskPlan {
  readonly owner: string;
  readonly kind: string;
  /** Scopes that the kind of work has by itself; those of the issue are added. */
  readonly scopes: readonly string[];
  /** What was asked for. The same id with the same input is the same request, sent again. */
  readonly input: unknown;
  readonly issue: Issue & { readonly taskId: string };
  /** What becomes of it when its client has gone, unless the issue says otherwise: `cancel` where it is left out. */
  readonly onDisconnect?: DisconnectPolicy;
  /** How many items the task has, where it has items, and how many of them are finished already. */
  readonly total?: number;
  readonly done?: number;
  /** The task that this one goes on from. */
  readonly resumedFrom?: string;
}

/** What work leaves: the answer, and the rows that commit together with it. */
export interface Outcome<T> {
  readonly result: T;
  /** The stage in which `save` runs. */
  readonly stage?: string;
  readonly save?: (tx: Tx) => Promise<void>;
}

/** The task as its own work sees it. */
export interface TaskHandle {
  readonly id: string;
  readonly claim: Claim;
  readonly scope: AbortScope;
  /**
   * Begins what is told of the task, with `task-start` and these facts. What fails before is answered with a status of its own, also to a
   * client that asked for a stream.
   */
  open(facts?: object): void;
  /** Tells an event to whoever reads, now or later, on any instance. Before `open` nobody is told. */
  tell(type: string, data: object): void;
  /** Resolves once whoever asked for the stream has read all but a few events. Rejects with the reason of the abort. */
  paced(): Promise<void>;
  /** Says how far the work has come: told to those who read, and to the database with the next heartbeat. */
  progress(progress: Progress): void;
  /** Says which LLM calls the straight path has: see `TaskPlan.calls`. */
  expect(calls: readonly string[]): void;
  /** Stops the task from within, as a job does that gives way to a drain, or has found that it is no longer its own. */
  abort(reason: AbortReason): void;
}

/** A job as its own work sees it. */
export interface JobHandle extends TaskHandle {
  /** What was asked for. */
  readonly input: unknown;
  /** Aborts once the instance is leaving: work that can give way does, before it is made to. */
  readonly leaving: AbortSignal;
}

/** Another task of the same owner has to end first. */
export class OwnerBusyError extends Error {}
