import type { AbortCause } from '../abort/index.js';
import type { Problem } from '../problems/index.js';
import type { CancelAnswer, Receipt } from '../tasks/index.js';

/** An RFC 9457 problem as the server sends it; of a task that was stopped with its id and its receipt. */
export type HangupProblem = Problem & { readonly task_id?: string; readonly receipt?: Receipt };

export interface HangupErrorDetails {
  readonly status?: number;
  readonly taskId?: string;
  readonly problem?: HangupProblem;
  /** How soon another try makes sense, where the server says so. */
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
}

/** Whatever goes wrong with a call. `code` is stable and for programs: the server's own, or one of the classes below. */
export class HangupError extends Error {
  readonly code: string;
  readonly status?: number;
  /** The task that was asked for, where the call asked for one. */
  readonly taskId?: string;
  /** The answer of the server, where it was a problem. */
  readonly problem?: HangupProblem;
  readonly retryAfterSeconds?: number;

  constructor(code: string, message: string, { status, taskId, problem, retryAfterSeconds, cause }: HangupErrorDetails = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'HangupError';
    this.code = code;
    this.status = status;
    this.taskId = taskId;
    this.problem = problem;
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** How the task stopped, where it was stopped and the server said so. */
  get receipt(): Receipt | undefined {
    return this.problem?.receipt;
  }
}

export interface CancelledDetails extends HangupErrorDetails {
  readonly abortCause?: AbortCause;
  readonly confirmation?: Promise<CancelAnswer | undefined>;
}

/**
 * The call was cancelled: by its own signal, at once; or by somebody else, as the server says. Its `name` is `AbortError`, as that of
 * every aborted `fetch`, and its `cause` the reason of the signal.
 */
export class CancelledError extends HangupError {
  /** Why the task was stopped; `user` where the signal of this call was aborted, and absent where the server does not say. */
  readonly abortCause?: AbortCause;
  /**
   * The server's answer to the cancel that went out, with the receipt, once it is there. `undefined` where none went out, or none could
   * be delivered. Never rejects.
   */
  readonly confirmation: Promise<CancelAnswer | undefined>;

  constructor(message: string, { abortCause, confirmation = Promise.resolve(undefined), ...details }: CancelledDetails = {}) {
    super('task_cancelled', message, details);
    this.name = 'AbortError';
    this.abortCause = abortCause;
    this.confirmation = confirmation;
  }
}

/** A newer call under the same key of `latest` has taken the place of this one: whatever it would have answered is nobody's any more. */
export class SupersededError extends HangupError {
  constructor(key: string) {
    super('superseded', `A newer call of "${key}" has taken the place of this one.`);
    this.name = 'AbortError';
  }
}

/** The time that the task was given is over. Its `name` is `TimeoutError`. */
export class DeadlineError extends HangupError {
  constructor(message: string, details: HangupErrorDetails = {}) {
    super('deadline_exceeded', message, details);
    this.name = 'TimeoutError';
  }
}

/** Nothing is left of what the user may spend today, or the task has used it up. */
export class BudgetError extends HangupError {
  constructor(message: string, details: HangupErrorDetails = {}) {
    super('budget_exceeded', message, details);
    this.name = 'BudgetError';
  }
}

/** What was asked for is unknown, or somebody else's. `code` says what. */
export class NotFoundError extends HangupError {
  constructor(code: string, message: string, details: HangupErrorDetails = {}) {
    super(code, message, details);
    this.name = 'NotFoundError';
  }
}

/** Nobody could be reached for as long as it made sense to try, or the task was stopped because its client was away for too long. */
export class ConnectionLostError extends HangupError {
  constructor(message: string, details: HangupErrorDetails = {}) {
    super('connection_lost', message, details);
    this.name = 'ConnectionLostError';
  }
}

/** What answers under the base URL is something else than Hangup. The message says what was found. */
export class NotHangupError extends HangupError {
  constructor(url: string, found: string, details: HangupErrorDetails = {}) {
    super('not_hangup', `${url} does not answer as Hangup: it is ${found}. Is this the right baseUrl?`, details);
    this.name = 'NotHangupError';
  }
}
