import type { z } from 'zod';
import type { CancelAnswer, TaskState, TaskView } from '../tasks/index.js';
import type { cancelTaskBody, CancelledTasks, cancelTasksBody, taskPage, TaskResult } from '../tasks/tasks.dto.js';
import type { Asking, CallOptions, FollowOptions } from './asking.js';
import type { AnyTaskEvent } from './events.js';
import { toQuery, type PageOptions } from './page.js';
import type { TaskOptions } from './task-issue.js';
import type { TaskStream } from './task-stream.js';

export type TaskPage = z.output<typeof taskPage>;
export type CancelInput = Partial<Omit<z.output<typeof cancelTaskBody>, 'issued_at'>>;
export type CancelManyInput = Partial<Omit<z.output<typeof cancelTasksBody>, 'issued_at'>>;
export interface ResumedTask {
  readonly task_id: string;
  readonly resumed_from: string;
}

export interface ListTasksOptions extends PageOptions, CallOptions {
  readonly state?: readonly TaskState[];
  readonly kind?: string;
  readonly scope?: string;
}

/** Tasks of every kind: looked at, listened to, cancelled and gone on with. */
export class Tasks {
  constructor(private readonly asking: Asking) {}

  get(taskId: string, options?: CallOptions): Promise<TaskView> {
    return this.asking.json({ path: pathOf(taskId), field: 'state' }, options);
  }

  /** Your tasks, newest first, in pages, with the cancelled and the failed ones. */
  list({ state, kind, scope, limit, cursor, signal }: ListTasksOptions = {}): Promise<TaskPage> {
    const query = toQuery({ state: state?.join(','), kind, scope, limit, cursor });
    return this.asking.json({ path: `/api/tasks${query}`, field: 'tasks' }, { signal });
  }

  /** What a task has come to; `partial` unless it has completed. */
  result(taskId: string, options?: CallOptions): Promise<TaskResult> {
    return this.asking.json({ path: `${pathOf(taskId)}/result`, field: 'partial' }, options);
  }

  /** Cancels a task; with `pending` also one that has not come yet. It says `cancelled` only once the work has stopped. */
  cancel(taskId: string, input: CancelInput = {}, options?: CallOptions): Promise<CancelAnswer> {
    return this.asking.json(this.#cancelling(`${pathOf(taskId)}/cancel`, input, 'status'), options);
  }

  /** Cancels several: `ids`, or all of a `scope` or `kind`, with those that are on their way; none that is issued after it. */
  cancelMany(input: CancelManyInput, options?: CallOptions): Promise<CancelledTasks> {
    return this.asking.json(this.#cancelling('/api/tasks/cancel', input, 'cancelled_count'), options);
  }

  /** Goes on with a job that has stopped, as a new task. What was finished is not done again. */
  resume(taskId: string, options?: TaskOptions): Promise<ResumedTask> {
    return this.asking.task({ method: 'POST', path: `${pathOf(taskId)}/resume`, field: 'task_id' }, options);
  }

  /**
   * What a task tells, from its beginning or `after` an event; comes back by itself when the connection breaks. Leaving stops nothing,
   * unless one is attached to the task.
   */
  events<E = AnyTaskEvent>(taskId: string, options?: FollowOptions): TaskStream<E> {
    return this.asking.follow<E>(taskId.toLowerCase(), options);
  }

  #cancelling(path: string, input: object, field: string) {
    return { method: 'POST', path, body: { ...input, issued_at: this.asking.issuedAt() }, keepalive: true, field };
  }
}

function pathOf(taskId: string): string {
  return `/api/tasks/${encodeURIComponent(taskId)}`;
}
