import { Injectable } from '@nestjs/common';
import type { User } from '../auth/index.js';
import { Llm } from '../llm/index.js';
import { decodeCursor, DomainError, encodeCursor } from '../problems/index.js';
import { Endings } from './endings.js';
import { isTerminal, type TaskState } from './task-state.js';
import { toTaskView } from './task-view.js';
import { toItemView } from './task-view.js';
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
    private readonly endings: Endings,
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
    const partial = row.state !== 'completed';
    const result = partial && row.is_job ? { items: (await this.items.ended(row)).map(toItemView) } : row.result;
    return { task_id: id, state: row.state as TaskState, partial, result };
  }

  /** The row of a task of this user; of anybody for an administrator. Throws as `get` does. */
  async row(user: User, id: string): Promise<TaskRow> {
    return await this.#find(user, id);
  }

  /** The task as it is now, and again whenever its state has changed, until it has ended. Aborts with the ambient signal's reason. */
  async *follow(user: User, id: string): AsyncGenerator<TaskView> {
    let row = await this.#find(user, id);
    for (;;) {
      const [view] = await this.#toViews([row], user);
      if (view) yield view;
      if (isTerminal(row.state as TaskState)) return;
      const changed = await this.endings.changed(row, () => this.tasks.find(row));
      if (!changed) throw unknown(id);
      row = changed;
    }
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
