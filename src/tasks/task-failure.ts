import { DomainError, retryAfterOf, toProblem } from '../problems/index.js';

/** Why a task failed, as it was told to its client. */
export interface TaskFailure {
  readonly code: string;
  readonly message: string;
  readonly retry_after_seconds?: number;
}

export function toFailure(error: unknown): TaskFailure {
  const { code, detail: message } = toProblem(error);
  return { code, message, retry_after_seconds: retryAfterOf(error) };
}

/** The failure of a task again, for whoever asks for its answer later. */
export class TaskFailedError extends DomainError {
  constructor({ code, message, retry_after_seconds }: TaskFailure) {
    super(code, message, { retryAfterSeconds: retry_after_seconds });
  }
}

/** The end of a task whose owner vanished. */
export const OWNER_LOST = toFailure(new DomainError('owner_lost', 'The instance that worked on this task stopped answering. Ask again.'));
