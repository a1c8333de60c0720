import { z } from 'zod';
import { NO_USAGE, type TaskUsage } from '../llm/index.js';
import { toCancelView } from './task-view.js';
import { cancelView, receiptView, taskUsageView, type CancelIntent, type Receipt, type TaskRow } from './task.js';

export const CANCEL_STATUSES = ['cancelled', 'cancelling', 'pending', 'already_completed', 'already_failed', 'not_found'] as const;
export type CancelStatus = (typeof CANCEL_STATUSES)[number];

export const cancelAnswer = z
  .object({
    task_id: z.uuid(),
    status: z.enum(CANCEL_STATUSES),
    message: z.string(),
    cancelled_at: z.iso.datetime().nullable(),
    finished_at: z.iso.datetime().nullable(),
    reason: z.string().nullable(),
    cancel: cancelView.nullable().meta({ description: 'who asked first, and why' }),
    usage: taskUsageView.meta({ description: 'what the task had spent' }),
    receipt: receiptView.nullable(),
  })
  .meta({ id: 'CancelAnswer' });
export type CancelAnswer = z.infer<typeof cancelAnswer>;

const MESSAGES: Record<CancelStatus, string> = {
  cancelled: 'The task has stopped.',
  cancelling: 'The task has been told to stop and is stopping. Ask again for its receipt.',
  pending: 'No such task has arrived yet. It will be stopped before it begins.',
  already_completed: 'The task had completed before it could be cancelled.',
  already_failed: 'The task had failed before it could be cancelled.',
  not_found: 'There is no such task.',
};

/** What a cancel says of one task, read off its row: so every click gets the same answer. */
export function toCancelAnswer(row: TaskRow, usage: TaskUsage): CancelAnswer {
  const status = statusOf(row);
  const finishedAt = row.finished_at?.toISOString() ?? null;
  return {
    task_id: row.id,
    status,
    message: MESSAGES[status],
    cancelled_at: status === 'cancelled' ? finishedAt : null,
    finished_at: status === 'pending' ? null : finishedAt,
    reason: (row.cancel as CancelIntent | null)?.reason ?? null,
    cancel: row.cancel === null ? null : toCancelView(row.cancel as CancelIntent),
    usage,
    receipt: row.receipt as Receipt | null,
  };
}

export function notFound(taskId: string): CancelAnswer {
  const status = 'not_found';
  const unknown = { cancelled_at: null, finished_at: null, reason: null, cancel: null, usage: NO_USAGE, receipt: null };
  return { task_id: taskId, status, message: MESSAGES[status], ...unknown };
}

/** A tombstone: cancelled before its task has come, and so without anything that a task was asked for. */
export function isTombstone({ state, input_hash }: TaskRow): boolean {
  return state === 'cancelled' && input_hash === null;
}

function statusOf(row: TaskRow): CancelStatus {
  if (isTombstone(row)) return 'pending';
  if (row.state === 'completed') return 'already_completed';
  if (row.state === 'failed') return 'already_failed';
  return row.state === 'cancelled' ? 'cancelled' : 'cancelling';
}

/** What one cancel of several tasks has stopped or is stopping. */
export function stoppedOf(answers: readonly CancelAnswer[]): CancelAnswer[] {
  return answers.filter(({ status }) => status === 'cancelled' || status === 'cancelling');
}
