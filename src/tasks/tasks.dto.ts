import { z } from 'zod';
import { cancelAnswer } from './cancel-answer.js';
import { scopeName } from './issue.js';
import { TASK_STATES } from './task-state.js';
import { taskView } from './task.js';

/** In one spelling, so that it can be compared. */
export const taskIdParam = z.uuid().toLowerCase();

export const listTasksQuery = z.object({
  state: z
    .string()
    .transform((states) => states.split(',').map((state) => state.trim()))
    .pipe(z.array(z.enum(TASK_STATES)).min(1))
    .optional()
    .meta({ description: 'one or several, separated by commas' }),
  kind: z.string().min(1).max(100).optional(),
  scope: scopeName.optional(),
  limit: z.coerce.number<string>().int().min(1).max(100).default(20),
  cursor: z.string().optional(),
});
export type ListTasksQuery = z.infer<typeof listTasksQuery>;

export const followTaskQuery = z.object({
  attach: z
    .enum(['0', '1', 'false', 'true'])
    .default('0')
    .transform((value) => value === '1' || value === 'true')
    .meta({ description: 'the reader is a client that waits for the task: it goes on for them, and stops with them as its policy says' }),
  last_event_id: z.string().optional().meta({ description: 'as Last-Event-ID, for those who cannot set headers' }),
});
export type FollowTaskQuery = z.infer<typeof followTaskQuery>;

export const taskPage = z.object({ tasks: z.array(taskView), next_cursor: z.string().optional() }).meta({ id: 'TaskPage' });

export const taskResult = z
  .object({
    task_id: z.uuid(),
    state: z.enum(TASK_STATES),
    partial: z.boolean().meta({ description: 'true unless the task has completed' }),
    result: z.unknown().meta({ description: 'null while there is none' }),
  })
  .meta({ id: 'TaskResult' });
export type TaskResult = z.infer<typeof taskResult>;

const LONGEST_REASON = 500;
const LONGEST_WAIT_MS = 10_000;
const MOST_IDS = 500;

const reason = z
  .string()
  .trim()
  .max(LONGEST_REASON)
  .refine((text) => !text.includes('\0') && text.isWellFormed(), 'must not contain NUL or half a surrogate pair')
  .optional();
const waitMs = z
  .int()
  .min(0)
  .max(LONGEST_WAIT_MS)
  .default(2000)
  .meta({ description: 'how long to wait for the work to stop, in milliseconds' });
const issuedAt = z.int().min(0).optional().meta({ description: 'when the cancel was issued, in milliseconds since 1970; as X-Issued-At' });

/** Bodies of cancels are optional: an empty one, also with a content type, means all defaults. */
const body = <T extends z.ZodRawShape>(shape: T) => z.preprocess((value) => value ?? {}, z.object(shape));

export const cancelTaskBody = body({
  reason,
  pending: z.boolean().default(false).meta({ description: 'remember the cancel if no such task has come yet' }),
  issued_at: issuedAt,
  wait_ms: waitMs,
}).meta({ id: 'CancelTask' });
export type CancelTaskBody = z.infer<typeof cancelTaskBody>;

export const cancelTasksBody = body({
  ids: z.array(taskIdParam).min(1).max(MOST_IDS).optional(),
  scope: scopeName.optional(),
  kind: z.string().min(1).max(100).optional(),
  reason,
  issued_at: issuedAt,
  wait_ms: waitMs,
})
  .refine(
    ({ ids, scope, kind }) => (ids === undefined) !== (scope === undefined && kind === undefined),
    'name the tasks by ids, or by scope or kind or both',
  )
  .meta({ id: 'CancelTasks' });
export type CancelTasksBody = z.infer<typeof cancelTasksBody>;

export const cancelledTasks = z
  .object({
    cancelled_count: z.int().meta({ description: 'tasks that stopped or are stopping, those of a cancel just before included' }),
    pending: z.boolean().meta({ description: 'a mark was left that stops a task which is on its way here' }),
    tasks: z.array(cancelAnswer),
  })
  .meta({ id: 'CancelledTasks' });
export type CancelledTasks = z.infer<typeof cancelledTasks>;

export const projectIdParam = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[^,\p{Cc}]+$/u, 'must have no comma and no control character');

export const cancelProjectBody = body({ reason, issued_at: issuedAt, wait_ms: waitMs }).meta({ id: 'CancelProject' });
export type CancelProjectBody = z.infer<typeof cancelProjectBody>;

export const cancelledProject = z
  .object({ project_id: z.string(), cancelled_count: z.int(), task_ids: z.array(z.uuid()), pending: z.boolean() })
  .meta({ id: 'CancelledProject' });
export type CancelledProject = z.infer<typeof cancelledProject>;
