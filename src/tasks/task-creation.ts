import { Inject, Injectable, Logger } from '@nestjs/common';
import type { Tx } from '../database/index.js';
import { Budgets } from '../llm/index.js';
import { DomainError } from '../problems/index.js';
import { CancelsRepository, type Mark } from './cancels.repository.js';
import { reasonOf } from './receipt.js';
import { TaskNotices } from './task-notices.js';
import { TASK_SETTINGS, type TaskSettings } from './task-settings.js';
import { receiptOfNoWork, type CancelIntent, type TaskRow } from './task.js';
import { TasksRepository, type NewTask } from './tasks.repository.js';

/** What has become of a new task: written, the same as one that is there already, or stopped by a cancel that came first. */
export type Created =
  | { readonly type: 'new' }
  | { readonly type: 'known'; readonly row: TaskRow }
  | { readonly type: 'stopped'; readonly row: TaskRow; readonly by: 'id' | 'scope' };

/** Brings tasks into the table, past the cancels that came before them. */
@Injectable()
export class TaskCreation {
  readonly #logger = new Logger('Tasks');

  constructor(
    @Inject(TASK_SETTINGS) private readonly settings: TaskSettings,
    private readonly rows: TasksRepository,
    private readonly cancels: CancelsRepository,
    private readonly notices: TaskNotices,
    private readonly budgets: Budgets,
  ) {}

  /**
   * Writes the task by `insert`, which says whether it could, under its owner's lock. Throws the reason of a cancel that came first,
   * once the task has been written as stopped by it, `task_exists` where the id was used for something else, and `budget_exceeded` where a
   * task that calls a model finds nothing left to spend: then nothing is written.
   */
  async create(task: NewTask, insert: (tx: Tx) => Promise<boolean>): Promise<Exclude<Created, { type: 'stopped' }>> {
    const created = await this.rows.inTransaction(async (tx): Promise<Created> => {
      await this.cancels.lock(tx, task.owner, 'shared');
      const mark = await this.cancels.markAgainst(tx, task, this.settings.blindCancelMs);
      if (mark) return await this.#stopByMark(tx, task, mark);
      if (!(await insert(tx))) return await this.#known(tx, task);
      if (task.plannedCalls > 0) await this.budgets.admit(tx, task.owner);
      return { type: 'new' };
    });
    if (created.type === 'stopped') throw this.#honour(created);
    return created;
  }

  async #stopByMark(tx: Tx, task: NewTask, mark: Mark): Promise<Created> {
    const { scope, reason, requested_by: by, created_at } = mark;
    const cancel: CancelIntent = { cause: 'scope', scope, by, requested_at: created_at.toISOString(), ...(reason !== null && { reason }) };
    const row = await this.rows.insertStopped(tx, task, cancel, receiptOfNoWork(new Date(), task.plannedCalls));
    return row ? { type: 'stopped', row, by: 'scope' } : await this.#known(tx, task);
  }

  /** The owner has used this id: for a tombstone, for the very same request, or for another. */
  async #known(tx: Tx, task: NewTask): Promise<Created> {
    const claimed = await this.rows.claimTombstone(tx, task, receiptOfNoWork(new Date(), task.plannedCalls));
    if (claimed) return { type: 'stopped', row: claimed, by: 'id' };
    const row = await this.rows.findIn(tx, task);
    if (!row) throw new DomainError('task_exists', `Task ${task.id} is being forgotten. Choose another id.`);
    if (row.input_hash !== task.inputHash) throw taskExists(task.id);
    return { type: 'known', row };
  }

  #honour({ row, by }: Extract<Created, { type: 'stopped' }>): unknown {
    const { id, owner, kind } = row;
    this.#logger.log({ msg: `[Tasks] Pending cancel honoured, task ${id} stopped at 0 work`, task_id: id, owner, kind, by });
    const cancel = row.cancel as CancelIntent;
    const callsAvoided = row.planned_calls;
    this.notices.tell({ type: 'honoured', kind, by });
    this.notices.tell({ type: 'ended', kind, state: 'cancelled', cause: cancel.cause, callsAvoided });
    return reasonOf(row);
  }
}

export function taskExists(id: string): DomainError {
  return new DomainError('task_exists', `Task ${id} was asked for something else. Choose another id.`);
}
