import type { TaskUsage } from '../llm/index.js';
import type { CancelIntent, CancelView, Receipt, TaskRow, TaskView } from './task.js';
import type { TaskFailure } from './task-failure.js';
import type { TaskState } from './task-state.js';

/** A task as it goes out. Whoever sees the tasks of everybody is also told whose it is, and who works on it. */
export function toTaskView(row: TaskRow, usage: TaskUsage, isForAdmin = false): TaskView {
  return {
    id: row.id,
    kind: row.kind,
    state: row.state as TaskState,
    scopes: row.scopes,
    stage: row.stage,
    progress: { done: row.done, total: row.total },
    usage,
    cancel: row.cancel === null ? null : toCancelView(row.cancel as CancelIntent),
    receipt: row.receipt as Receipt | null,
    error: row.error === null ? null : toErrorView(row.error as TaskFailure),
    created_at: row.created_at.toISOString(),
    started_at: row.started_at?.toISOString() ?? null,
    finished_at: row.finished_at?.toISOString() ?? null,
    resumed_from: row.resumed_from,
    ...(isForAdmin && { owner: row.owner, instance: row.instance_id }),
  };
}

export function toCancelView({ cause, reason, by, requested_at }: CancelIntent): CancelView {
  return { cause, reason: reason ?? null, by: by ?? null, requested_at };
}

function toErrorView({ code, message }: TaskFailure): { code: string; message: string } {
  return { code, message };
}
