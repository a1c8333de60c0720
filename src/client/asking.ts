import type { TaskView } from '../tasks/index.js';
import { expectEvents, readJson, type Answer, type Expected } from './answers.js';
import { Call } from './call.js';
import type { Cancels } from './cancels.js';
import { CancelledError } from './errors.js';
import { stoppedWithoutClient } from './events.js';
import type { IssueClock } from './issue-clock.js';
import { JSON_DEFAULT, STREAM_DEFAULT, windowOf, type OnDisconnect } from './policy.js';
import { Retries } from './retries.js';
import { TaskIssue, type TaskOptions } from './task-issue.js';
import { TaskStream, type StreamSource } from './task-stream.js';
import type { ClientRequest, Fetch, Transport } from './transport.js';

/** Nothing, not even a heartbeat, for so long: the server sends one every 15 s unless it was told otherwise. */
const SILENCE_MS = 45_000;

export interface CallOptions {
  /** Aborts the call. */
  readonly signal?: AbortSignal;
}

export interface FollowOptions extends CallOptions {
  /** The last event that was heard. */
  readonly after?: string;
  /** Be a client of the task, and not one who only looks on: whoever leaves then cancels it, and its disconnect policy counts you. */
  readonly attach?: boolean;
}

/** A request for a task, and how it is asked for. */
export interface TaskRequest extends ClientRequest {
  /** A refusal that has used up its id is answered by another under a new one; else it is thrown. */
  readonly isRenewable?: boolean;
  /** In place of the usual one. */
  readonly fetch?: Fetch;
}

/** The ways in which everything is asked: for an answer, for the answer of a task, for what a task tells. */
export class Asking {
  constructor(
    private readonly transport: Transport,
    private readonly cancels: Cancels,
    private readonly clock: IssueClock,
    private readonly onDisconnect: OnDisconnect | undefined,
  ) {}

  /** When something is issued that has to be in order with tasks. */
  issuedAt(): number {
    return this.clock.next();
  }

  /** The answer to a request that is no task, and that may be sent twice. */
  async json<T>(request: ClientRequest, { signal }: CallOptions = {}): Promise<T> {
    return await new Call({ signal }).run(async (cut) => {
      const retries = new Retries({ windowMs: windowOf('cancel'), signal: cut });
      return await this.#answer<T>(() => request, retries, cut);
    });
  }

  /** The answer of a task that is asked for. An abort cancels it. */
  async task<T>(request: TaskRequest, options: TaskOptions = {}): Promise<T> {
    const policy = options.onDisconnect ?? this.onDisconnect ?? JSON_DEFAULT;
    const issue = new TaskIssue(options, policy, this.clock);
    return await this.#callOf(issue, options).run(async (signal) => {
      const retries = this.#retriesOf(issue, request, policy, signal);
      const answer = this.#answer<T>(() => issue.sign(request), retries, signal, request.fetch);
      return await this.#told(answer, retries, issue, signal);
    });
  }

  /** What a task tells that is asked for. */
  stream<E>(request: TaskRequest, options: TaskOptions = {}): TaskStream<E> {
    const policy = options.onDisconnect ?? this.onDisconnect ?? STREAM_DEFAULT;
    const issue = new TaskIssue(options, policy, this.clock);
    const call = this.#callOf(issue, options);
    const retries = this.#retriesOf(issue, request, policy, call.signal);
    const asked = { ...request, headers: { ...request.headers, accept: 'text/event-stream' } };
    const open: StreamSource['open'] = async (after, isKnown) => {
      if (isKnown) return await this.#follow(issue.id, after, true, call.signal);
      return await this.#told(this.#open(issue.sign(asked), call.signal), retries, issue, call.signal);
    };
    return new TaskStream<E>({ call, retries, silenceMs: SILENCE_MS, open });
  }

  /** What a task tells that was asked for elsewhere, or before. */
  follow<E>(taskId: string, { signal, after: first, attach = false }: FollowOptions = {}): TaskStream<E> {
    const call = new Call({ signal, taskId: () => taskId, ...(attach && { cancel: () => this.cancels.send(taskId) }) });
    const open: StreamSource['open'] = async (after) => await this.#follow(taskId, after ?? first, attach, call.signal);
    const retries = new Retries({ windowMs: windowOf(this.onDisconnect ?? STREAM_DEFAULT), signal: call.signal });
    return new TaskStream<E>({ call, retries, silenceMs: SILENCE_MS, open });
  }

  #callOf(issue: TaskIssue, { signal }: TaskOptions): Call {
    return new Call({ signal, taskId: () => issue.id, cancel: () => this.cancels.send(issue.id) });
  }

  #retriesOf(issue: TaskIssue, { isRenewable = false }: TaskRequest, policy: OnDisconnect, signal: AbortSignal): Retries {
    return new Retries({ windowMs: windowOf(policy), signal, isAskedAgain: (refusal) => issue.outlives(refusal, isRenewable) });
  }

  async #answer<T>(request: () => ClientRequest, retries: Retries, signal: AbortSignal, fetch?: Fetch): Promise<T> {
    for (;;) {
      const begun = performance.now();
      const asked = request();
      try {
        return await readJson<T>(await this.transport.send(asked, signal, fetch), this.transport.expected(asked));
      } catch (failure) {
        await retries.after(failure, performance.now() - begun);
      }
    }
  }

  async #open(request: ClientRequest, signal: AbortSignal): Promise<{ answer: Answer; expected: Expected }> {
    const answer = await this.transport.send(request, signal);
    const expected = this.transport.expected(request);
    await expectEvents(answer, expected);
    return { answer, expected };
  }

  /** `undefined` where the end has been heard. */
  async #follow(id: string, after: string | undefined, attach: boolean, signal: AbortSignal) {
    const headers = { accept: 'text/event-stream', ...(after !== undefined && { 'last-event-id': after }) };
    const request = { path: `/api/tasks/${id}/events${attach ? '?attach=1' : ''}`, headers, isLasting: true };
    const answer = await this.transport.send(request, signal);
    const expected = this.transport.expected(request);
    if (answer.status === 204) return undefined;
    await expectEvents(answer, expected);
    return { answer, expected };
  }

  /** A task that is found cancelled once its connection has broken may have been stopped by nothing else than that: then it was lost. */
  async #told<T>(answer: Promise<T>, retries: Retries, { id }: TaskIssue, signal: AbortSignal): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      if (signal.aborted || !retries.isBroken || !(error instanceof CancelledError)) throw error;
      const { cancel } = await this.json<Pick<TaskView, 'cancel'>>({ path: `/api/tasks/${id}` }, { signal });
      throw cancel?.cause === 'client_disconnect' ? stoppedWithoutClient(id, error) : error;
    }
  }
}
