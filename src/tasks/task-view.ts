import type { TaskUsage } from '../llm/index.js';
import type { CancelIntent, CancelView, Receipt, TaskProgressView, TaskRow, TaskView } from './task.js';
import type { ItemRow } from './task-items.repository.js';
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
    progress: toProgressView(row),
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

function toProgressView({ state, done, total, item, ms_per_item }: TaskRow): TaskProgressView {
  const isPaced = state === 'running' && total !== null && ms_per_item !== null;
  return { done, total, item, seconds_left: isPaced ? Math.ceil(((total - done) * ms_per_item) / 100) / 10 : null };
}

/** An item that has come to an end, as the result of an unfinished job shows it. */
export function toItemView({ ordinal, key, name, state, result, error, finished_at }: ItemRow): object {
  const outcome = state === 'failed' ? { error: toErrorView(error as TaskFailure) } : { result };
  return { ordinal, key, name, state, ...outcome, finished_at: finished_at?.toISOString() ?? null };
}

export function toCancelView({ cause, reason, by, requested_at }: CancelIntent): CancelView {
  return { cause, reason: reason ?? null, by: by ?? null, requested_at };
}

function toErrorView({ code, message }: TaskFailure): { code: string; message: string } {
  return { code, message };
}
