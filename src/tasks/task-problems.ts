import type { ProblemCode } from '../problems/index.js';

/** What any route that makes a task for later may answer instead. */
export const JOB_PROBLEMS = ['task_cancelled', 'budget_exceeded', 'task_exists', 'draining'] as const satisfies readonly ProblemCode[];

/** What any route that makes a task, and waits for it, may answer instead. */
export const TASK_PROBLEMS = [
  'task_cancelled',
  'budget_exceeded',
  'task_exists',
  'deadline_exceeded',
  'draining',
  'owner_lost',
] as const satisfies readonly ProblemCode[];
