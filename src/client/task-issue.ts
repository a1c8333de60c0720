import type { HangupError } from './errors.js';
import type { IssueClock } from './issue-clock.js';
import type { OnDisconnect } from './policy.js';
import { randomId } from './random-id.js';
import type { ClientRequest } from './transport.js';

/** What can be said of a task that is asked for. */
export interface TaskOptions {
  /** Aborting it rejects the call at once, and cancels the task. */
  readonly signal?: AbortSignal;
  /** A UUID of one's own choice, so that others can cancel the task before it comes; one that this user has not used. */
  readonly taskId?: string;
  /** The whole task's time in milliseconds, whoever waits for it. */
  readonly deadlineMs?: number;
  /** What becomes of the task when its client vanishes. Streams have 15 s of grace unless told otherwise, other calls none. */
  readonly onDisconnect?: OnDisconnect;
  /** Names under which the task can be cancelled together with others. */
  readonly scopes?: readonly string[];
}

/** Refusals for which no task was begun, so that their id is free. */
const BEFORE_THE_TASK = new Set(['auth_unavailable', 'database_unavailable']);

/** Under which id a task is asked for, and when it was: chosen here, so that a cancel can overtake it. */
export class TaskIssue {
  readonly #options: TaskOptions;
  readonly #headers: Readonly<Record<string, string>>;
  #id: string;

  constructor(options: TaskOptions, policy: OnDisconnect, clock: IssueClock) {
    const { taskId, deadlineMs, scopes = [] } = options;
    this.#options = options;
    this.#id = (taskId ?? randomId()).toLowerCase();
    this.#headers = {
      // The same for each try: what was cancelled since is cancelled for all of them.
      'x-issued-at': String(clock.next()),
      'x-on-disconnect': policy,
      ...(deadlineMs !== undefined && { 'x-deadline-ms': String(deadlineMs) }),
      ...(scopes.length > 0 && { 'x-scope': scopes.join(',') }),
    };
  }

  get id(): string {
    return this.#id;
  }

  /** The request with its task's id and all that is said of it. */
  sign<T extends ClientRequest>(request: T): T {
    return { ...request, isLasting: true, headers: { ...request.headers, ...this.#headers, 'x-task-id': this.#id } };
  }

  /** Can the task be asked for again after this refusal? One that the server has begun is answered alike for ever, so that another id is needed. */
  outlives({ code, problem }: HangupError, isRenewable: boolean): boolean {
    if (BEFORE_THE_TASK.has(code) || (code === 'draining' && problem?.task_id === undefined)) return true;
    if (!isRenewable || this.#options.taskId !== undefined) return false;
    this.#id = randomId();
    return true;
  }
}
