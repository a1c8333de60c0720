import type { ProblemCode } from '../problems/index.js';

/** What any route that makes a task may answer instead. */
export const TASK_PROBLEMS = [
  'task_cancelled',
  'task_exists',
  'deadline_exceeded',
  'draining',
  'owner_lost',
] as const satisfies readonly ProblemCode[];
