import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { AbortContext, CancelledError, isAbortReason, nameCause, type AbortReason } from '../abort/index.js';
import type { User } from '../auth/index.js';
import { APP_CONFIG, type AppConfig } from '../config/index.js';
import { Llm, type TaskUsage } from '../llm/index.js';
import { decodeOrdinalCursor, encodeOrdinalCursor, toProblem } from '../problems/index.js';
import { EventBuffer, EventStream } from '../sse/index.js';
import {
  Cancels,
  stoppedOf,
  Tasks,
  type Issue,
  type Issued,
  type Outcome,
  type Receipt,
  type TaskHandle,
  type TaskSpec,
} from '../tasks/index.js';
import type {
  CancelledSession,
  CancelSessionBody,
  ChatEvent,
  ListMessagesQuery,
  MessagePage,
  MessageState,
  MessageView,
  ReplyView,
  Role,
  SendMessageBody,
} from './chat.dto.js';
import { ChatMessagesRepository, type MessageRow, type NewExchange } from './chat-messages.repository.js';
import { ReplyDraft } from './reply-draft.js';
import { Tutor, type ReplyRequest } from './tutor.service.js';

/** Talks with learners, and remembers what was said. */
@Injectable()
export class ChatService {
  readonly #logger = new Logger('ChatService');
  readonly #heartbeatMs: number;

  constructor(
    @Inject(APP_CONFIG) { http }: AppConfig,
    private readonly tasks: Tasks,
    private readonly cancels: Cancels,
    private readonly context: AbortContext,
    private readonly tutor: Tutor,
    private readonly messages: ChatMessagesRepository,
    private readonly llm: Llm,
  ) {
    this.#heartbeatMs = http.heartbeatMs;
  }

  /**
   * Replies to a message, as a task that begins at once, whether or not the stream is read. When `signal` aborts, or the task is
   * cancelled, the model is cut, and what it had said is kept as `partial`. The stream ends after the task has; its `task-end` says how.
   */
  send(sessionId: string, body: SendMessageBody, user: User, issue: Issued, signal: AbortSignal): EventStream<ChatEvent> {
    const draft = new ReplyDraft();
    const session = { owner: user.id, sessionId, id: draft.id };
    const exchange = { ...session, messageId: body.message_id ?? randomUUID(), taskId: issue.taskId, content: body.content };
    const request = { user, exchange, bookId: body.book_id, onConflict: body.on_conflict };
    const events = new EventBuffer<ChatEvent>();
    void this.#run(request, { session_id: sessionId, ...body }, issue, signal, { draft, events });
    return new EventStream(events, { heartbeatMs: this.#heartbeatMs, endOf: (error) => this.#endOf(error, request) });
  }

  /** What was said in a session of this user, oldest first; nothing in one that the user has not. `next_cursor` is absent on the last page. */
  async list(sessionId: string, { limit, cursor }: ListMessagesQuery, user: User): Promise<MessagePage> {
    const after = cursor === undefined ? 0 : decodeOrdinalCursor(cursor);
    const page = await this.messages.list({ owner: user.id, sessionId }, { after, limit: limit + 1 });
    const shown = page.slice(0, limit);
    const last = shown.at(-1);
    const next_cursor = page.length > limit && last ? encodeOrdinalCursor(last.ordinal) : undefined;
    return { session_id: sessionId, messages: shown.map(toMessageView), ...(next_cursor && { next_cursor }) };
  }

  /** Cancels whatever goes on in the session, on whichever instance, or only the reply to one message; also what is still on its way. */
  async cancel(session_id: string, body: CancelSessionBody, user: User, { clientId, issuedAt }: Issue): Promise<CancelledSession> {
    const scope = body.message_id === undefined ? `session:${session_id}` : `message:${body.message_id}`;
    const options = { reason: body.reason, waitMs: body.wait_ms, clientId, issuedAt: body.issued_at ?? issuedAt };
    const { answers, isMarked } = await this.cancels.bySelection(user, { scope }, options);
    const stopped = stoppedOf(answers);
    return { session_id, cancelled_count: stopped.length, task_ids: stopped.map(({ task_id }) => task_id), pending: isMarked };
  }

  /** Never rejects: how it ends is told to the reader of `events`. */
  async #run(request: ReplyRequest, input: object, issue: Issued, signal: AbortSignal, made: Made): Promise<void> {
    try {
      const reply = await this.tasks.run(this.#toSpec(request, input, issue), signal, (task) => this.#reply(request, task, made));
      await this.#tell(reply, signal, made);
    } catch (error) {
      // Where the reply was done and its task was not to complete: a cancel had come first.
      await this.#keep(request.exchange, made.draft);
      made.events.fail(error);
    }
  }

  #toSpec(request: ReplyRequest, input: object, issue: Issued): TaskSpec {
    const { user, exchange, bookId } = request;
    const book = bookId === undefined ? [] : [`book:${bookId}`];
    const scopes = [`session:${exchange.sessionId}`, `message:${exchange.messageId}`, ...book];
    const onStopped = (reason: AbortReason, receipt: Receipt): void => this.#logStop(request, reason, receipt);
    return { owner: user.id, kind: 'chat_reply', scopes, input, issue, calls: Tutor.callsFor(bookId), onStopped };
  }

  async #reply(request: ReplyRequest, task: TaskHandle, { draft, events }: Made): Promise<Outcome<ReplyView>> {
    const { user, exchange } = request;
    const msg = `[ChatService] Chat reply started (session=${exchange.sessionId} user=${user.id})`;
    this.#logger.log({ msg, task_id: task.id });
    try {
      return await this.tutor.reply(request, task, draft, events);
    } catch (error) {
      if (task.scope.signal.aborted) await task.scope.settled();
      await this.#keep(exchange, draft);
      throw error;
    }
  }

  #logStop({ user, exchange }: ReplyRequest, { abortCause: cause }: AbortReason, receipt: Receipt): void {
    const { sessionId: session_id, taskId: task_id } = exchange;
    const msg = `[ChatService] Chat reply cancelled by ${nameCause(cause)} (session=${session_id} user=${user.id})`;
    this.#logger.log({ msg, task_id, session_id, user: user.id, cause, receipt });
  }

  /** The end of a reply that came to one. Of one that was asked for before and is only repeated here, all of it. */
  async #tell(reply: ReplyView, signal: AbortSignal, { draft, events }: Made): Promise<void> {
    const { task_id, message_id, reply_id, content, usage } = reply;
    if (!draft.isEntered) {
      await events.push({ type: 'task-start', data: { task_id, message_id, reply_id } }, signal);
      await events.push({ type: 'text-delta', data: { text: content } }, signal);
    }
    events.end({ type: 'task-end', data: { task_id, state: 'completed', message_id, usage } });
  }

  /** Keeps what a reply had said before it was cut, where no abort reaches. Never rejects: why it was cut is what counts. */
  async #keep(exchange: NewExchange, draft: ReplyDraft): Promise<void> {
    if (!draft.isEntered || draft.isKept) return;
    draft.isKept = true;
    try {
      await this.context.shield(() => this.messages.cut(exchange, draft.text));
    } catch (error) {
      this.#logger.error({ err: error, msg: '[ChatService] What a cut reply had said could not be kept', task_id: exchange.taskId });
    }
  }

  async #endOf(error: unknown, { exchange }: ReplyRequest): Promise<ChatEvent | undefined> {
    if (isAbortReason(error) && error.abortCause === 'client_disconnect') return undefined;
    const { owner, taskId: task_id, messageId: message_id } = exchange;
    const usage = await this.#usageOf({ owner, id: task_id });
    return { type: 'task-end', data: { task_id, message_id, usage, ...this.#howItEnded(error) } };
  }

  #howItEnded(error: unknown): Ending {
    if (!isAbortReason(error)) return { state: 'failed', problem: this.#problemOf(error) };
    const { abortCause: cause, code, message: detail } = error;
    if (cause === 'lease_lost') return { state: 'failed', problem: { code, detail } };
    return { state: 'cancelled', cause, reason: error instanceof CancelledError ? (error.details.reason ?? null) : null };
  }

  /** No filter sees what fails after the stream has begun. */
  #problemOf(error: unknown): { code: string; detail: string } {
    const { status, code, detail } = toProblem(error);
    if (status === 500) this.#logger.error({ err: error, msg: '[ChatService] Unexpected failure of a reply' });
    return { code, detail };
  }

  /** `null` where the ledger cannot be read: the end of a reply is told all the same. */
  async #usageOf(task: { owner: string; id: string }): Promise<TaskUsage | null> {
    try {
      return await this.context.shield(() => this.llm.usageOf(task));
    } catch (error) {
      this.#logger.warn({ err: error, msg: '[ChatService] What a reply used could not be read', task_id: task.id });
      return null;
    }
  }
}

/** What a reply leaves while it is made. */
interface Made {
  readonly draft: ReplyDraft;
  readonly events: EventBuffer<ChatEvent>;
}

type TaskEnd = Extract<ChatEvent, { type: 'task-end' }>['data'];
type Ending = Pick<TaskEnd, 'state' | 'cause' | 'reason' | 'problem'>;

function toMessageView({ id, role, content, state, task_id, created_at }: MessageRow): MessageView {
  return { id, role: role as Role, content, state: state as MessageState, task_id, created_at: created_at.toISOString() };
}
