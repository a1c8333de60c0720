import { Injectable } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import type { User } from '../auth/index.js';
import { ContentRepository, Retriever, type Passage } from '../content/index.js';
import { Llm } from '../llm/index.js';
import { DomainError } from '../problems/index.js';
import type { Outcome, TaskHandle } from '../tasks/index.js';
import type { OnConflict, ReplyView } from './chat.dto.js';
import { ChatMessagesRepository, type NewExchange } from './chat-messages.repository.js';
import { Drafts } from './drafts.service.js';
import { tutorPrompt } from './prompts.js';
import type { ReplyDraft } from './reply-draft.js';
import { Turns } from './turns.service.js';

const MOST_PASSAGES = 5;
const MOST_HISTORY_MESSAGES = 20;

/** A message to be replied to. */
export interface ReplyRequest {
  readonly user: User;
  readonly exchange: NewExchange;
  readonly bookId: number | undefined;
  readonly onConflict: OnConflict;
}

/** Replies to one message, as the work of a task. */
@Injectable()
export class Tutor {
  constructor(
    private readonly context: AbortContext,
    private readonly turns: Turns,
    private readonly messages: ChatMessagesRepository,
    private readonly drafts: Drafts,
    private readonly content: ContentRepository,
    private readonly retriever: Retriever,
    private readonly llm: Llm,
  ) {}

  /** The stages of the straight path that call a model. */
  static callsFor(bookId: number | undefined): readonly string[] {
    return bookId === undefined ? ['chat_reply'] : ['retrieve_passages', 'chat_reply'];
  }

  /**
   * Writes the message down, waits for its turn, and tells the reply piece by piece, no faster than it is read. `draft` has what was said
   * when it is cut. Throws `book_not_found`, `session_busy` and `message_exists` before the first event.
   */
  async reply(request: ReplyRequest, task: TaskHandle, draft: ReplyDraft): Promise<Outcome<ReplyView>> {
    const { exchange, bookId, user } = request;
    const { owner, sessionId: session_id, messageId: message_id, taskId: task_id, id: reply_id } = exchange;
    if (bookId !== undefined) await this.context.stage('find_book', () => this.#findBook(bookId, user));
    const ahead = await this.context.stage('enter_session', () => this.#enter(request, draft));
    task.open({ message_id, reply_id });
    await this.context.stage('await_turn', () => this.turns.take(exchange, request.user, ahead, request.onConflict));
    const passages = await this.context.stage('retrieve_passages', () => this.#passagesFor(exchange, bookId));
    await this.context.stage('chat_reply', () => this.#say(exchange, passages, draft, task));
    const usage = await this.context.shield(() => this.llm.usageOf({ owner, id: task_id }));
    const result = { task_id, session_id, message_id, reply_id, content: draft.text, usage };
    return { result, stage: 'save_reply', save: (tx) => this.messages.complete(tx, exchange, draft.text) };
  }

  async #findBook(bookId: number, user: User): Promise<void> {
    if (!(await this.content.hasBook(bookId, user))) throw new DomainError('book_not_found', `There is no book ${bookId}.`);
  }

  async #enter({ exchange, onConflict }: ReplyRequest, draft: ReplyDraft): Promise<readonly string[]> {
    const ahead = await this.turns.enter(exchange, onConflict);
    draft.isEntered = true;
    return ahead;
  }

  async #passagesFor({ content }: NewExchange, bookId: number | undefined): Promise<Passage[]> {
    if (bookId === undefined) return [];
    return await this.retriever.nearest({ text: content, within: { bookId }, weakSkills: [], limit: MOST_PASSAGES });
  }

  async #say(exchange: NewExchange, passages: readonly Passage[], draft: ReplyDraft, task: TaskHandle): Promise<void> {
    const history = await this.messages.before(exchange, MOST_HISTORY_MESSAGES);
    const messages = tutorPrompt(exchange.content, history, passages);
    using _kept = this.drafts.open(exchange, draft);
    for await (const text of this.llm.stream({ messages, skipping: 'skipping reply' })) {
      task.tell('text-delta', { text, offset: draft.length });
      draft.add(text);
      await this.#handOver(task);
    }
  }

  /** An abort that finds the model waiting for its reader is announced here: no call is under way that could. */
  async #handOver(task: TaskHandle): Promise<void> {
    try {
      await task.paced();
    } catch (error) {
      this.context.announce('aborting LLM call');
      throw error;
    }
  }
}
