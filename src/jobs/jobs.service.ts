import { Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { User } from '../auth/index.js';
import type { Tx } from '../database/index.js';
import { DomainError } from '../problems/index.js';
import { TaskHistory, TaskItems, TaskItemsRepository, Tasks, type Issued, type TaskKey, type TaskRow } from '../tasks/index.js';
import type { JobKind, JobOrder } from './job-kind.js';
import { toJobTask } from './job-task.js';
import { JobsRepository } from './jobs.repository.js';
import { PgBossQueue } from './pg-boss-queue.js';

// A kind is registered with its own input and run with what its schema reads: nothing else looks inside.
// eslint-disable-next-line @typescript-eslint/no-explicit-any
type AnyKind = JobKind<any>;

/** Work in the background. It belongs to its owner, not to the request that asked for it: whoever hangs up finds it again. */
@Injectable()
export class Jobs implements OnApplicationBootstrap {
  readonly #logger = new Logger('Jobs');
  readonly #kinds = new Map<string, AnyKind>();

  constructor(
    private readonly tasks: Tasks,
    private readonly items: TaskItems,
    private readonly itemRows: TaskItemsRepository,
    private readonly history: TaskHistory,
    private readonly rows: JobsRepository,
    private readonly queue: PgBossQueue,
  ) {}

  /** Makes a kind of job known. For `onModuleInit`: once the application has started, tasks of known kinds are worked on. */
  register<Input>(kind: JobKind<Input>): void {
    this.#kinds.set(kind.kind, kind);
  }

  async onApplicationBootstrap(): Promise<void> {
    this.tasks.leaving.addEventListener('abort', () => this.queue.ceaseToWork(), { once: true });
    for (const kind of this.#kinds.values()) {
      await this.queue.open(kind.kind, kind);
      await this.queue.work(kind.kind, (key) => this.#begin(kind, key));
    }
  }

  /**
   * Writes a job for whoever is free. The task, its items, its delivery and what `also` writes commit together. The same id with the
   * same input is the same task, and `also` is not run. Throws `task_exists` where the id stands for another, and the reason of a cancel
   * that came first.
   */
  async enqueue<Input>(kind: JobKind<Input>, order: JobOrder<Input>): Promise<{ readonly taskId: string; readonly isNew: boolean }> {
    const { owner, scopes, input, issue, items, also } = order;
    const calls = callsOf(kind, items.length, items.keys());
    const spec = { owner, kind: kind.kind, scopes, input, issue, calls, total: items.length };
    const { isNew } = await this.tasks.enqueue(spec, async (tx) => {
      await this.itemRows.insert(tx, { owner, id: issue.taskId }, items);
      await also?.(tx);
    });
    return { taskId: issue.taskId, isNew };
  }

  /**
   * Makes a task that goes on where a stopped one ended: what is finished is taken over with its results, the rest is done. One that goes
   * on already is told again. Throws `task_not_found`, or `task_not_resumable` where there is nothing to go on with.
   */
  async resume(user: User, id: string, issue: Issued): Promise<{ readonly taskId: string }> {
    const row = await this.history.row(user, id);
    const kind = this.#resumable(row);
    const heads = await this.itemRows.heads(row);
    if (heads.length === 0 && row.total !== 0) throw notResumable('It never began. Ask for it anew.');
    const left = heads.filter(({ state }) => state !== 'completed').map(({ ordinal }) => ordinal - 1);
    if (row.state === 'completed' && left.length === 0) throw notResumable('It has completed.');
    const [total, done] = [heads.length, heads.length - left.length];
    const { owner, scopes, input } = row;
    const calls = callsOf(kind, total, left.values());
    const spec = { owner, kind: kind.kind, scopes, input, issue, calls, total, done, resumedFrom: row.id };
    const to = { owner, id: issue.taskId };
    try {
      await this.tasks.enqueue(spec, (tx) => this.#goOn(tx, kind, row, to));
      return { taskId: issue.taskId };
    } catch (error) {
      if (error instanceof GoesOnAlready) return { taskId: error.taskId };
      throw error;
    }
  }

  /** One at a time: whoever comes second finds the first. */
  async #goOn(tx: Tx, kind: AnyKind, from: TaskKey, to: TaskKey): Promise<void> {
    const { isThere, next } = await this.rows.successor(tx, from, to);
    if (!isThere) throw new DomainError('task_not_found', `There is no task ${from.id}.`);
    if (next?.finished_at === null) throw new GoesOnAlready(next.id);
    if (next) throw notResumable(`Task ${next.id} has gone on from it: go on from that one.`);
    await this.itemRows.copy(tx, from, to);
    await kind.onResumed?.(tx, { owner: from.owner, id: from.id }, to);
  }

  #resumable({ is_job, kind, finished_at }: TaskRow): AnyKind {
    const known = this.#kinds.get(kind);
    if (!is_job || !known) throw notResumable('Only work in the background can be gone on with.');
    if (finished_at === null) throw notResumable('It has not ended. Cancel it first, or let it go on.');
    return known;
  }

  /**
   * Works on one task. How it ends is written in the task, whichever way; what is thrown from here brings the delivery again: that the
   * task could not be begun.
   */
  async #begin(kind: AnyKind, key: TaskKey): Promise<void> {
    const progress = { hasBegun: false };
    try {
      await this.tasks.resume(key, { calls: [], perOwner: kind.perUser }, neverAborts(), (handle) => {
        progress.hasBegun = true;
        return kind.work(toJobTask(kind, handle, this.items));
      });
    } catch (error) {
      if (!progress.hasBegun) throw error;
      this.#logger.debug({ msg: `[Jobs] Task ${key.id} ended without completing`, task_id: key.id, err: error });
    }
  }
}

/** Whoever asked for a job may hang up. */
function neverAborts(): AbortSignal {
  return new AbortController().signal;
}

/** The LLM calls ahead: those of the items left, by their places from 0, and those after them. */
function callsOf(kind: AnyKind, total: number, left: Iterable<number>): string[] {
  const stages = [...left].map((place) => `${kind.itemWord} ${place + 1}/${total}`);
  return [...stages.flatMap((stage) => kind.calls(stage)), ...kind.lastCalls];
}

/** Somebody was quicker. */
class GoesOnAlready extends Error {
  constructor(readonly taskId: string) {
    super('The task goes on already.');
  }
}

function notResumable(why: string): DomainError {
  return new DomainError('task_not_resumable', `This task cannot be resumed. ${why}`);
}
