/** Who or what stops work. Closed: whoever adds a cause decides here how it is told and where it ends. */
export const ABORT_CAUSES = ['client_disconnect', 'user', 'scope', 'superseded', 'budget', 'deadline', 'drain', 'lease_lost'] as const;
export type AbortCause = (typeof ABORT_CAUSES)[number];

const BRAND = Symbol.for('hangup.abort-reason');

/** Members of a problem beside those that RFC 9457 (3.1) names, and `code`. */
export type ProblemExtensions = Readonly<Record<string, unknown>> & Readonly<Partial<Record<NamedMember, never>>>;
type NamedMember = 'type' | 'title' | 'status' | 'code' | 'detail' | 'instance';

/**
 * The base of every reason that aborts a signal here. The instance *is* `signal.reason`: it is rethrown, never wrapped, so one
 * `===` tells a cancel from a failure. `name` stays `AbortError` (`TimeoutError` for deadlines), which third-party checks expect;
 * tell the kinds apart by `code`.
 */
export abstract class AbortReason extends Error {
  abstract readonly code: string;
  abstract readonly abortCause: AbortCause;
  override readonly name: string = 'AbortError';
  readonly [BRAND] = true;
  /**
   * What goes out with the problem that answers this abort (RFC 9457, 3.2). Set by whoever has stopped the work, once it can say what
   * became of it: the reason itself cannot be replaced any more by then.
   */
  extensions?: ProblemExtensions;
}

/**
 * The connection went away before the answer was finished. It has no stack: that would name the event loop alone, and every stream
 * that is destroyed with it formats it first, while the upstream socket waits to be closed.
 */
export class ClientDisconnectedError extends AbortReason {
  readonly code = 'client_disconnected';
  readonly abortCause = 'client_disconnect';

  constructor(message = 'The client disconnected before the answer was finished.') {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = stackTraceLimit;
  }
}

export type CancelCause = Extract<AbortCause, 'user' | 'scope' | 'superseded' | 'budget'>;

/** A person or a policy asked for the stop. `by` names who, `reason` is their own word for it. */
export class CancelledError extends AbortReason {
  readonly code: 'task_cancelled' | 'budget_exceeded';

  constructor(
    readonly abortCause: CancelCause = 'user',
    readonly details: { readonly by?: string; readonly reason?: string } = {},
    options?: ErrorOptions,
  ) {
    super(details.reason ?? 'The task was cancelled.', options);
    this.code = abortCause === 'budget' ? 'budget_exceeded' : 'task_cancelled';
  }
}

/** A clock stopped the work. `timeoutMs` is the time it had, in milliseconds. */
export class DeadlineExceededError extends AbortReason {
  readonly code = 'deadline_exceeded';
  readonly abortCause = 'deadline';
  override readonly name = 'TimeoutError';

  constructor(
    readonly timeoutMs?: number,
    options?: ErrorOptions,
  ) {
    super(timeoutMs === undefined ? 'The deadline passed.' : `The deadline of ${timeoutMs} ms passed.`, options);
  }
}

/** The process is leaving. `retryAfterSeconds` is when another try makes sense. */
export class DrainingError extends AbortReason {
  readonly code = 'draining';
  readonly abortCause = 'drain';

  constructor(readonly retryAfterSeconds = 1) {
    super('The server is shutting down and stopped this work.');
  }
}

/** The instance could not renew its claim on the work in time: somebody else may hold it by now. */
export class LeaseLostError extends AbortReason {
  readonly code = 'owner_lost';
  readonly abortCause = 'lease_lost';

  constructor() {
    super('This instance lost its lease on the task and stopped working on it.');
  }
}

/** True for the reasons above, also those made by another copy of this package. */
export function isAbortReason(value: unknown): value is AbortReason {
  return typeof value === 'object' && value !== null && BRAND in value;
}

/**
 * A typed reason for any `signal.reason`: its own, or the nearest of ours for what foreign code aborted with. Looks at `name` and
 * `message` only: a `DOMException` is not an `instanceof Error` in every realm.
 */
export function toAbortReason(reason: unknown): AbortReason {
  if (isAbortReason(reason)) return reason;
  const { name, message } = Object(reason ?? {}) as { name?: unknown; message?: unknown };
  if (name === 'TimeoutError') return new DeadlineExceededError(undefined, { cause: reason });
  return new CancelledError('user', typeof message === 'string' ? { reason: message } : {}, { cause: reason });
}

const FOREIGN_ABORTS = new Set(['AbortError', 'APIUserAbortError']);
const FOREIGN_TIMEOUTS = new Set(['TimeoutError', 'APIConnectionTimeoutError']);

/**
 * Was this failure the abort of that signal? Only if the signal is aborted *and* the error is its reason, has it among its causes,
 * or is what a library throws when told to abort. A real failure that races an abort stays a failure, and so does the abort of
 * another scope, such as the deadline of a shield. A library's timeout counts only where a deadline was the reason.
 */
export function isAbortOf(error: unknown, signal: AbortSignal): boolean {
  if (!signal.aborted) return false;
  return [...causesOf(error)].some((each) => each === signal.reason || isForeignAbort(each, signal.reason));
}

/** The error and its causes, each once: chains of foreign errors may go in a circle. */
function causesOf(error: unknown): Set<unknown> {
  const seen = new Set<unknown>();
  for (
    let current = error;
    current !== undefined && current !== null && !seen.has(current);
    current = (current as { cause?: unknown }).cause
  ) {
    seen.add(current);
  }
  return seen;
}

function isForeignAbort(error: unknown, reason: unknown): boolean {
  if (typeof error !== 'object' || error === null || isAbortReason(error)) return false;
  const { name, constructor } = error as { name?: unknown; constructor?: { name?: unknown } };
  const names = [String(name), String(constructor?.name)];
  if (names.some((each) => FOREIGN_TIMEOUTS.has(each))) return toAbortReason(reason).abortCause === 'deadline';
  return names.some((each) => FOREIGN_ABORTS.has(each));
}

/** How a cause reads at the head of a log line. */
export function describeCause(cause: AbortCause): string {
  return CAUSE_WORDS[cause];
}

const CAUSE_WORDS = {
  client_disconnect: 'Client disconnected',
  user: 'Cancelled by user',
  scope: 'Cancelled by user',
  superseded: 'Superseded',
  budget: 'Budget exhausted',
  deadline: 'Deadline exceeded',
  drain: 'Server draining',
  lease_lost: 'Lease lost',
} satisfies Record<AbortCause, string>;

/** How a cause reads behind "cancelled by". */
export function nameCause(cause: AbortCause): string {
  return CAUSE_NAMES[cause];
}

const CAUSE_NAMES = {
  client_disconnect: 'client disconnect',
  user: 'user',
  scope: 'user',
  superseded: 'a newer request',
  budget: 'budget',
  deadline: 'deadline',
  drain: 'server drain',
  lease_lost: 'lost lease',
} satisfies Record<AbortCause, string>;
