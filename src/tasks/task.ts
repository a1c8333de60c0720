import { z } from 'zod';
import { ABORT_CAUSES, type AbortCause } from '../abort/index.js';
import type { Row } from '../database/index.js';
import { TASK_STATES } from './task-state.js';

export type TaskRow = Row<'tasks'>;

/** One task of one owner. Ids are chosen by clients, so only both together name a task. */
export interface TaskKey {
  readonly owner: string;
  readonly id: string;
}

/** A task while one instance works on it: `attempt` tells the work of a former owner from that of the present one. */
export interface Claim extends TaskKey {
  readonly attempt: number;
}

/** Who asked for the stop, and why. Written before anybody is told. */
export interface CancelIntent {
  readonly cause: AbortCause;
  readonly reason?: string;
  /** The user who asked; absent where nobody did: a disconnect, a clock, a server that leaves. */
  readonly by?: string;
  /** The scope or kind that was cancelled, where it was not this task by its id. */
  readonly scope?: string;
  /** The time that the task had had, where that was the cause. */
  readonly timeout_ms?: number;
  readonly requested_at: string;
}

export const receiptView = z
  .object({
    stopped_at: z.iso.datetime().nullable().meta({ description: 'null while something ran on that ignored its signal, or nobody knows' }),
    stage: z.string().nullable(),
    layers: z.array(
      z.object({
        layer: z.string(),
        operation: z.string(),
        told_ms: z.number().meta({ description: "from the owner's abort" }),
        stopped_ms: z.number().nullable(),
      }),
    ),
    calls_avoided: z.int().meta({ description: 'LLM calls still ahead on the straight path, without retries' }),
    zombies: z.array(z.string()).meta({ description: 'layer:operation of what ignored its signal' }),
    confirmed: z.boolean().meta({ description: 'false where the instance that worked on it vanished' }),
    grace_ms: z.int().optional().meta({ description: 'where the client had so long to come back, and did not' }),
  })
  .meta({ id: 'Receipt' });
export type Receipt = z.infer<typeof receiptView>;

export const cancelView = z
  .object({ cause: z.enum(ABORT_CAUSES), reason: z.string().nullable(), by: z.string().nullable(), requested_at: z.iso.datetime() })
  .meta({ id: 'Cancel' });
export type CancelView = z.infer<typeof cancelView>;

export const taskUsageView = z
  .object({ prompt_tokens: z.int(), completion_tokens: z.int(), estimated: z.boolean(), cost_usd: z.number() })
  .meta({ id: 'TaskUsage' });

export const taskProgressView = z
  .object({
    done: z.int().meta({ description: 'items that have come to an end, the failed ones included' }),
    total: z.int().nullable(),
    item: z.string().nullable().meta({ description: 'what is worked on at present' }),
    seconds_left: z.number().nullable().meta({ description: 'at the present pace; null where it is not known' }),
  })
  .meta({ id: 'TaskProgress' });
export type TaskProgressView = z.infer<typeof taskProgressView>;

export const taskView = z
  .object({
    id: z.uuid(),
    kind: z.string(),
    state: z.enum(TASK_STATES),
    scopes: z.array(z.string()),
    stage: z.string().nullable(),
    progress: taskProgressView,
    usage: taskUsageView,
    cancel: cancelView.nullable(),
    receipt: receiptView.nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    created_at: z.iso.datetime(),
    started_at: z.iso.datetime().nullable(),
    finished_at: z.iso.datetime().nullable(),
    resumed_from: z.uuid().nullable(),
    owner: z.string().optional().meta({ description: 'for administrators' }),
    instance: z.string().nullable().optional().meta({ description: 'for administrators' }),
  })
  .meta({ id: 'Task' });
export type TaskView = z.infer<typeof taskView>;

/** What a task that never began says of itself. */
export function receiptOfNoWork(stoppedAt: Date, callsAvoided: number): Receipt {
  return { stopped_at: stoppedAt.toISOString(), stage: null, layers: [], calls_avoided: callsAvoided, zombies: [], confirmed: true };
}
