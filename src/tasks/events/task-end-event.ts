import { z } from 'zod';
import { ABORT_CAUSES, type AbortCause } from '../../abort/index.js';
import type { TaskUsage } from '../../llm/index.js';
import { receiptView, taskProgressView, taskUsageView, taskView, type CancelIntent, type Receipt, type TaskRow } from '../task.js';
import type { TaskFailure } from '../task-failure.js';
import { endOf, type TaskEvent } from './task-event.js';

/** How a task ended, as the last event of its stream tells it. */
export const taskEnd = z
  .object({
    task_id: z.uuid(),
    kind: z.string(),
    state: z.enum(['completed', 'cancelled', 'failed']),
    usage: taskUsageView.nullable(),
    cause: z.enum(ABORT_CAUSES).optional().meta({ description: 'of a cancelled one' }),
    reason: z.string().nullable().optional().meta({ description: "of a cancelled one: the canceller's own words" }),
    problem: z.object({ code: z.string(), detail: z.string() }).optional().meta({ description: 'of a failed one' }),
    receipt: receiptView.nullable(),
    result: z.unknown().meta({ description: 'of a completed one: what its answer would have been' }),
  })
  .meta({ id: 'TaskEnd' });
export type TaskEnd = z.infer<typeof taskEnd>;

/** What every task tells, whatever its kind. */
export const taskEvent = z
  .discriminatedUnion('type', [
    z.object({ type: z.literal('task-start'), data: z.looseObject({ task_id: z.uuid(), kind: z.string(), attempt: z.int() }) }),
    z.object({ type: z.literal('stage-start'), data: z.object({ stage: z.string() }) }),
    z.object({ type: z.literal('progress'), data: taskProgressView }),
    z.object({
      type: z.literal('gap'),
      data: z.object({ task: taskView, partial: z.boolean(), result: z.unknown() }).meta({
        description: 'what comes next is not all that came before it: some was kept no longer. What the task has come to instead',
      }),
    }),
    z.object({ type: z.literal('task-end'), data: taskEnd }),
  ])
  .meta({ id: 'TaskEvent' });

/**
 * Made of the row alone: whoever reads the stream, on whichever instance and however late, gets the same. Only `usage` may be more for
 * those who read later: what an instance that had vanished spent is booked when it comes back.
 */
export function toEndEvent(row: TaskRow, usage: TaskUsage): TaskEvent {
  return { ...endOf(row.attempt), type: 'task-end', data: JSON.stringify(toTaskEnd(row, usage)) };
}

function toTaskEnd(row: TaskRow, usage: TaskUsage): TaskEnd {
  const { id: task_id, kind, state, result } = row;
  const receipt = row.receipt as Receipt | null;
  return { task_id, kind, state: state as TaskEnd['state'], usage, ...howItEnded(row), receipt, result };
}

function howItEnded({ state, cancel, error }: TaskRow): { cause?: AbortCause; reason?: string | null; problem?: TaskEnd['problem'] } {
  if (state === 'cancelled') {
    const { cause, reason = null } = cancel as CancelIntent;
    return { cause, reason };
  }
  if (state !== 'failed') return {};
  const { code, message: detail } = error as TaskFailure;
  return { problem: { code, detail } };
}
