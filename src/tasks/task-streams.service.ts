import { Inject, Injectable, Logger } from '@nestjs/common';
import { CancelledError, ClientDisconnectedError, deriveSignal, isAbortReason, type DerivedSignal } from '../abort/index.js';
import type { User } from '../auth/index.js';
import { APP_CONFIG, type AppConfig } from '../config/index.js';
import { toProblem } from '../problems/index.js';
import { EventStream, IDLE, type ServerEvent, type ServerEvents } from '../sse/index.js';
import { Attachments, type Attachment } from './attachments.service.js';
import { endOf, EventFeed, isAfter, type EventPosition, type EventReader, type TaskEnd } from './events/index.js';
import { TaskHistory } from './history.service.js';
import { isTerminal, type TaskState } from './task-state.js';
import type { Outcome, TaskHandle, TaskSpec } from './task-spec.js';
import { Tasks } from './tasks.service.js';

export interface StreamOptions {
  /** The last event that one who asks again has heard. */
  readonly after?: EventPosition;
  /** Called once the task has ended without completing; must not reject. */
  readonly onFailure?: () => Promise<void>;
}

export interface FollowOptions {
  /** The last event that the reader has heard; from the beginning where it is left out. */
  readonly after?: EventPosition;
  /** The reader is a client that waits for the task: its disconnect policy counts it. */
  readonly isAttached: boolean;
}

/** What tasks tell, as streams of server-sent events. No stream owns the work: it reads what the task tells, and so may any other. */
@Injectable()
export class TaskStreams {
  readonly #logger = new Logger('Tasks');
  readonly #heartbeatMs: number;

  constructor(
    @Inject(APP_CONFIG) { http }: AppConfig,
    private readonly tasks: Tasks,
    private readonly feed: EventFeed,
    private readonly history: TaskHistory,
    private readonly attachments: Attachments,
  ) {
    this.#heartbeatMs = http.heartbeatMs;
  }

  /**
   * Runs `work` as `Tasks.run` does, at once, whether or not the stream is read, and streams what it tells. What fails before the work has opened its stream is thrown to whoever pulls first; after that `task-end` says how it
   * ended. The work goes no faster than the stream is read, where it asks for that: `TaskHandle.paced`.
   */
  run<T>(
    spec: TaskSpec,
    signal: AbortSignal,
    work: (task: TaskHandle) => Promise<Outcome<T>>,
    { after, onFailure }: StreamOptions = {},
  ): EventStream {
    const key = { owner: spec.owner, id: spec.issue.taskId };
    const reader = this.feed.reader(key, signal, after);
    const opened = Promise.withResolvers<undefined>();
    const begun = (task: TaskHandle): Promise<Outcome<T>> => {
      // Whatever its client has heard, it was of another.
      reader.startOver();
      return work(task);
    };
    const run = this.tasks.run(spec, signal, begun, () => opened.resolve(undefined));
    void this.#ended(run, onFailure).then(() => opened.resolve(undefined), opened.reject);
    const events = new OpeningStream(reader, opened.promise);
    const endOf = (error: unknown): ServerEvent | undefined => toLastEvent(error, spec, events.isOpen);
    return new EventStream(events, { heartbeatMs: this.#heartbeatMs, endOf });
  }

  /**
   * Streams what a task of this user tells, on whichever instance it runs, or has run. `undefined` where the reader has heard its end.
   * Throws `task_not_found`.
   */
  async follow(user: User, id: string, { after, isAttached }: FollowOptions, signal: AbortSignal): Promise<EventStream | undefined> {
    const row = await this.history.row(user, id);
    const hasEnded = isTerminal(row.state as TaskState);
    if (hasEnded && after && !isAfter(endOf(row.attempt), after)) return undefined;
    const events = new FollowedStream(this.feed.reader(row, signal, after));
    if (isAttached && !hasEnded) events.attach((client) => this.attachments.attach(row, client), signal);
    return new EventStream(events, { heartbeatMs: this.#heartbeatMs });
  }

  /** Nobody else hears of a failure that comes after the stream has begun. */
  async #ended(run: Promise<unknown>, onFailure: StreamOptions['onFailure']): Promise<void> {
    try {
      await run;
    } catch (error) {
      if (!isAbortReason(error) && toProblem(error).status === 500) {
        this.#logger.error({ err: error, msg: '[Tasks] Unexpected failure of a streamed task' });
      }
      await onFailure?.();
      throw error;
    }
  }
}

/** Nothing is read before there is something: until then the task can still be refused. */
class OpeningStream implements ServerEvents {
  readonly #reader: EventReader;
  readonly #opened: Promise<unknown>;
  #isOpen = false;
  readonly #hasLeft = Promise.withResolvers<undefined>();

  constructor(reader: EventReader, opened: Promise<unknown>) {
    this.#reader = reader;
    this.#opened = opened;
    // Where nobody pulls any more it is nobody's.
    opened.catch(() => undefined);
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  async take(withinMs: number): Promise<ServerEvent | typeof IDLE | undefined> {
    if (!this.#isOpen) {
      if (!(await this.#open(withinMs))) return IDLE;
      this.#reader.setPace();
    }
    return await this.#reader.take(withinMs);
  }

  leave(): void {
    this.#hasLeft.resolve(undefined);
    this.#reader.leave();
  }

  async #open(withinMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), withinMs);
    try {
      await Promise.race([this.#opened.then(() => (this.#isOpen = true)), promise, this.#hasLeft.promise]);
      return this.#isOpen;
    } finally {
      clearTimeout(timer);
    }
  }
}

/** A client that reads the end has waited for the task to the last; one that does not, however its stream ends, has left it. */
class FollowedStream implements ServerEvents {
  readonly #reader: EventReader;
  #attachment?: Attachment;
  #client?: DerivedSignal;

  constructor(reader: EventReader) {
    this.#reader = reader;
  }

  attach(attach: (client: AbortSignal) => Attachment, signal: AbortSignal): void {
    this.#client = deriveSignal([signal]);
    this.#attachment = attach(this.#client.signal);
  }

  async take(withinMs: number): Promise<ServerEvent | typeof IDLE | undefined> {
    const event = await this.#reader.take(withinMs);
    if (event === undefined) this.#letGo();
    return event;
  }

  /** The client's own signal does not say so where the answer has come to its end: that of a HEAD, or of what failed. */
  leave(): void {
    this.#reader.leave();
    if (this.#attachment) this.#client?.abort(new ClientDisconnectedError());
    this.#client?.[Symbol.dispose]();
  }

  #letGo(): void {
    this.#attachment?.end();
    this.#attachment = undefined;
  }
}

/** The end of a stream that has begun and whose task was refused: there is no row to tell it from. */
function toLastEvent(error: unknown, { kind, issue }: TaskSpec, isOpen: boolean): ServerEvent | undefined {
  if (isAbortReason(error) && error.abortCause === 'client_disconnect') return undefined;
  // What fails then is the reading: of the task it says nothing.
  if (isOpen) throw error;
  const end: TaskEnd = { task_id: issue.taskId, kind, usage: null, receipt: null, result: null, ...howItEnded(error) };
  return { type: 'task-end', data: JSON.stringify(end) };
}

function howItEnded(error: unknown): Pick<TaskEnd, 'state' | 'cause' | 'reason' | 'problem'> {
  if (!isAbortReason(error)) {
    const { code, detail } = toProblem(error);
    return { state: 'failed', problem: { code, detail } };
  }
  const { abortCause: cause, code, message: detail } = error;
  if (cause === 'lease_lost') return { state: 'failed', problem: { code, detail } };
  return { state: 'cancelled', cause, reason: error instanceof CancelledError ? (error.details.reason ?? null) : null };
}
