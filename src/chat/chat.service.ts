import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { AbortContext, nameCause, type AbortReason } from '../abort/index.js';
import type { User } from '../auth/index.js';
import { decodeOrdinalCursor, encodeOrdinalCursor } from '../problems/index.js';
import type { EventStream } from '../sse/index.js';
import {
  Cancels,
  stoppedOf,
  TaskStreams,
  type EventPosition,
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

  constructor(
    private readonly streams: TaskStreams,
    private readonly cancels: Cancels,
    private readonly context: AbortContext,
    private readonly tutor: Tutor,
    private readonly messages: ChatMessagesRepository,
  ) {}

  /**
   * Replies to a message, as a task that begins at once, whether or not the stream is read. When `signal` aborts, or the task is
   * cancelled, the model is cut, and what it had said is kept as `partial`. The stream ends after the task has; its `task-end` says how.
   */
  send(sessionId: string, body: SendMessageBody, user: User, issue: Issued, signal: AbortSignal, after?: EventPosition): EventStream {
    const draft = new ReplyDraft();
    const session = { owner: user.id, sessionId, id: draft.id };
    const exchange = { ...session, messageId: body.message_id ?? randomUUID(), taskId: issue.taskId, content: body.content };
    const request = { user, exchange, bookId: body.book_id, onConflict: body.on_conflict };
    const spec = this.#toSpec(request, { session_id: sessionId, ...body }, issue);
    // Where the reply was done and its task was not to complete: a cancel had come first.
    const onFailure = (): Promise<void> => this.#keep(exchange, draft);
    return this.streams.run(spec, signal, (task) => this.#reply(request, task, draft), { after, onFailure });
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

  #toSpec(request: ReplyRequest, input: object, issue: Issued): TaskSpec {
    const { user, exchange, bookId } = request;
    const book = bookId === undefined ? [] : [`book:${bookId}`];
    const scopes = [`session:${exchange.sessionId}`, `message:${exchange.messageId}`, ...book];
    const onStopped = (reason: AbortReason, receipt: Receipt): void => this.#logStop(request, reason, receipt);
    return { owner: user.id, kind: 'chat_reply', scopes, input, issue, calls: Tutor.callsFor(bookId), onStopped };
  }

  async #reply(request: ReplyRequest, task: TaskHandle, draft: ReplyDraft): Promise<Outcome<ReplyView>> {
    const { user, exchange } = request;
    const msg = `[ChatService] Chat reply started (session=${exchange.sessionId} user=${user.id})`;
    this.#logger.log({ msg, task_id: task.id });
    try {
      return await this.tutor.reply(request, task, draft);
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

  /** Keeps what a reply had said before it was cut, where no abort reaches. Never rejects: why it was cut is what counts. */
  async #keep(exchange: NewExchange, draft: ReplyDraft): Promise<void> {
    if (!draft.isEntered || draft.isKept) return;
    draft.isKept = true;
    try {
      await this.context.shield(() => this.messages.cut(exchange, draft.text), { isPatient: true });
    } catch (error) {
      this.#logger.error({ err: error, msg: '[ChatService] What a cut reply had said could not be kept', task_id: exchange.taskId });
    }
  }
}

function toMessageView({ id, role, content, state, task_id, created_at }: MessageRow): MessageView {
  return { id, role: role as Role, content, state: state as MessageState, task_id, created_at: created_at.toISOString() };
}
