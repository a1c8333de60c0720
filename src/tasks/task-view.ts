import type { TaskUsage } from '../llm/index.js';
import type { Progress } from './live-tasks.js';
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
    progress: toProgressView(progressOf(row)),
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

export function toProgressView({ done, total, item, msPerItem }: Progress): TaskProgressView {
  const isPaced = total !== null && msPerItem !== undefined;
  return { done, total, item: item ?? null, seconds_left: isPaced ? Math.ceil(((total - done) * msPerItem) / 100) / 10 : null };
}

/** A pace is that of a task that runs. */
function progressOf({ state, done, total, item, ms_per_item }: TaskRow): Progress {
  return { done, total, item: item ?? undefined, msPerItem: state === 'running' ? (ms_per_item ?? undefined) : undefined };
}

/** An item that has come to an end, as the result of an unfinished job shows it. */
function toItemView({ ordinal, key, name, state, result, error, finished_at }: ItemRow): object {
  const outcome = state === 'failed' ? { error: toErrorView(error as TaskFailure) } : { result };
  return { ordinal, key, name, state, ...outcome, finished_at: finished_at?.toISOString() ?? null };
}

/** What a task has come to. Of a job that has not completed: those of its items that have ended. */
export function toResultView(row: TaskRow, ended: readonly ItemRow[]): { partial: boolean; result: unknown } {
  const partial = row.state !== 'completed';
  return { partial, result: partial && row.is_job ? { items: ended.map(toItemView) } : row.result };
}

export function toCancelView({ cause, reason, by, requested_at }: CancelIntent): CancelView {
  return { cause, reason: reason ?? null, by: by ?? null, requested_at };
}

function toErrorView({ code, message }: TaskFailure): { code: string; message: string } {
  return { code, message };
}
