import type { TaskEnd } from '../tasks/index.js';
import {
  BudgetError,
  CancelledError,
  DeadlineError,
  HangupError,
  NotFoundError,
  type HangupErrorDetails,
  type HangupProblem,
} from './errors.js';

/** The error that a problem of the server is thrown as. */
export function errorOf(problem: HangupProblem, asked: HangupErrorDetails): HangupError {
  const details = { ...asked, problem, status: problem.status, taskId: problem.task_id ?? asked.taskId };
  const { code, detail } = problem;
  if (code === 'task_cancelled') return new CancelledError(detail, details);
  if (code === 'deadline_exceeded') return new DeadlineError(detail, details);
  if (code === 'budget_exceeded') return new BudgetError(detail, details);
  if (problem.status === 404) return new NotFoundError(code, detail, details);
  return new HangupError(code, detail, details);
}

/** The error that a task's end is, where it is none that the task was for. */
export function errorOfEnd({ task_id: taskId, state, cause, reason, problem }: TaskEnd): HangupError | undefined {
  if (state === 'completed') return undefined;
  if (problem) return new HangupError(problem.code, problem.detail, { taskId });
  const message = reason ?? `Task ${taskId} was cancelled (${cause ?? 'unknown'}).`;
  if (cause === 'deadline') return new DeadlineError(message, { taskId });
  if (cause === 'budget') return new BudgetError(message, { taskId });
  return new CancelledError(message, { taskId, abortCause: cause });
}

/** Whatever says a stable code is a problem of the server: `undefined` for anything else. */
export function parseProblem(text: string): HangupProblem | undefined {
  const value = parseJson(text) as Partial<HangupProblem> | null | undefined;
  return typeof value?.code === 'string' && typeof value.detail === 'string' ? (value as HangupProblem) : undefined;
}

/** `undefined` for what is no JSON: what to make of that is the caller's. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
