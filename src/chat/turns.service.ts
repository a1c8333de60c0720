import { Injectable } from '@nestjs/common';
import { AbortContext, deriveSignal, isAbortOf, wait } from '../abort/index.js';
import type { User } from '../auth/index.js';
import { DomainError } from '../problems/index.js';
import { CancelBus, Cancels } from '../tasks/index.js';
import type { OnConflict } from './chat.dto.js';
import { ChatMessagesRepository, type NewExchange, type ReplyKey } from './chat-messages.repository.js';

const SUPERSEDED = 'A newer message of the session took its place.';

/** Something has ended: a reason to look again, and to nobody else a reason for anything. */
const RUNG = Symbol('RUNG');

/**
 * Whose turn it is in a session: one reply at a time, in the order in which their messages were written, whichever instances they are
 * on.
 */
@Injectable()
export class Turns {
  /** The bus may lose the end of a reply: those who wait look again so often at the least. */
  rereadMs = 1000;

  constructor(
    private readonly context: AbortContext,
    private readonly messages: ChatMessagesRepository,
    private readonly cancels: Cancels,
    private readonly bus: CancelBus,
  ) {}

  /**
   * Writes the message down, and with it its place in the session. Throws `session_busy` for a message that is not to wait, and
   * `message_exists` where its owner has used its id; nothing is written then. Returns the tasks that are before it.
   */
  async enter(exchange: NewExchange, onConflict: OnConflict): Promise<readonly string[]> {
    return await this.messages.inTransaction(async (tx) => {
      await this.messages.lock(tx, exchange);
      const ahead = await this.messages.unfinished(tx, exchange);
      if (ahead.length > 0 && onConflict === 'reject') throw busy(exchange.sessionId);
      if (await this.messages.insert(tx, exchange, ahead.length > 0 ? 'waiting' : 'streaming')) return ahead;
      throw new DomainError('message_exists', `Message ${exchange.messageId} was sent before. Choose another id.`);
    });
  }

  /** Resolves when every reply before this one has stopped; with `interrupt`, tells them to. Ends with the ambient signal's reason. */
  async take(reply: ReplyKey, user: User, ahead: readonly string[], onConflict: OnConflict): Promise<void> {
    if (ahead.length === 0) return;
    // Those that come later wait for this one: all there is to be told is before it.
    if (onConflict === 'interrupt') await this.#supersede(user, ahead);
    try {
      while (!(await this.#tryToTake(reply)));
    } catch (error) {
      if (isAbortOf(error, this.context.signal)) this.context.announce('leaving the queue');
      throw error;
    }
  }

  /** By their ids and not by the session, which would stop the new message as well. An administrator's ids are their own here. */
  async #supersede(user: User, taskIds: readonly string[]): Promise<void> {
    await this.cancels.byIds({ ...user, isAdmin: false }, taskIds, { cause: 'superseded', reason: SUPERSEDED, waitMs: 0 });
  }

  /** Looks whether it is this reply's turn; if not, waits until another of its owner's tasks has ended, a while at most. */
  async #tryToTake(reply: ReplyKey): Promise<boolean> {
    using rest = deriveSignal([this.context.signal]);
    const leave = this.bus.subscribe((message) => {
      if (message.type === 'ended' && message.owner === reply.owner) rest.abort(RUNG);
    });
    try {
      if (await this.messages.takeTurn(reply)) return true;
      await wait(this.rereadMs, rest.signal);
    } catch (error) {
      if (error !== RUNG) throw error;
    } finally {
      leave();
    }
    return false;
  }
}

function busy(sessionId: string): DomainError {
  return new DomainError('session_busy', `Session ${sessionId} is still being replied to.`);
}
