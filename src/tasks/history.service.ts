import { Injectable } from '@nestjs/common';
import type { User } from '../auth/index.js';
import { Llm } from '../llm/index.js';
import { decodeCursor, DomainError, encodeCursor } from '../problems/index.js';
import type { TaskState } from './task-state.js';
import { toResultView, toTaskView } from './task-view.js';
import { TaskItemsRepository } from './task-items.repository.js';
import type { TaskRow, TaskView } from './task.js';
import type { ListTasksQuery, TaskResult } from './tasks.dto.js';
import { TasksRepository } from './tasks.repository.js';

/** What became of tasks: those of the user alone, or of everybody for an administrator. */
@Injectable()
export class TaskHistory {
  constructor(
    private readonly tasks: TasksRepository,
    private readonly llm: Llm,
    private readonly items: TaskItemsRepository,
  ) {}

  /** Newest first, with the cancelled and the failed ones. `next_cursor` is absent on the last page. */
  async list(user: User, { state, kind, scope, cursor, limit }: ListTasksQuery): Promise<{ tasks: TaskView[]; next_cursor?: string }> {
    const after = cursor === undefined ? undefined : decodeCursor(cursor);
    const page = await this.tasks.list({ owner: ownerOf(user), states: state, kind, scope, after, limit: limit + 1 });
    const tasks = await this.#toViews(page.slice(0, limit), user);
    const last = tasks.at(-1);
    return { tasks, ...(page.length > limit && last && { next_cursor: encodeCursor(last) }) };
  }

  /** Throws `task_not_found` for an unknown id and for somebody else's alike. */
  async get(user: User, id: string): Promise<TaskView> {
    const [view] = await this.#toViews([await this.#find(user, id)], user);
    if (!view) throw unknown(id);
    return view;
  }

  /** What the task has come to; `partial` unless it has completed. */
  async result(user: User, id: string): Promise<TaskResult> {
    const row = await this.#find(user, id);
    const items = row.is_job && row.state !== 'completed' ? await this.items.ended(row) : [];
    return { task_id: id, state: row.state as TaskState, ...toResultView(row, items) };
  }

  /** The row of a task of this user; of anybody for an administrator. Throws as `get` does. */
  async row(user: User, id: string): Promise<TaskRow> {
    return await this.#find(user, id);
  }

  async #find(user: User, id: string): Promise<TaskRow> {
    const row = await this.tasks.findVisible({ id, owner: ownerOf(user) });
    if (!row) throw unknown(id);
    return row;
  }

  async #toViews(rows: readonly TaskRow[], user: User): Promise<TaskView[]> {
    const usages = await this.llm.usagesOf(rows);
    return rows.flatMap((row, i) => {
      const usage = usages[i];
      return usage ? [toTaskView(row, usage, user.isAdmin)] : [];
    });
  }
}

function ownerOf({ id, isAdmin }: User): string | undefined {
  return isAdmin ? undefined : id;
}

function unknown(id: string): DomainError {
  return new DomainError('task_not_found', `There is no task ${id}.`);
}
