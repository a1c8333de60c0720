import { Injectable } from '@nestjs/common';
import { sql, type Insertable, type Kysely, type Selectable } from 'kysely';
import { Database, type Schema, type Tx } from '../database/index.js';
import type { MessageState, Role } from './chat.dto.js';

export type MessageRow = Selectable<Schema['chat_messages']>;
export type NewMessage = Insertable<Schema['chat_messages']>;

/** A session of one owner. Its id is the client's choice, so only both together name it. */
export interface Session {
  readonly owner: string;
  readonly sessionId: string;
}

/** The row of a reply. */
export interface ReplyKey extends Session {
  readonly id: string;
}

/** A reply that is not over, and what it has said so far. */
export interface DraftOf extends ReplyKey {
  readonly content: string;
}

/** A message and its reply, as they are written down. */
export interface NewExchange extends ReplyKey {
  readonly messageId: string;
  readonly taskId: string;
  readonly content: string;
}

/** What was said before, oldest first. */
export interface Said {
  readonly role: Role;
  readonly content: string;
}

/** The advisory locks of sessions stand in a space of their own: these are the first four letters of the word. */
const LOCK_SPACE = 0x73657373;

/** A reply that is not over, as far as it has said. */
const UNFINISHED = ['waiting', 'streaming'] as const satisfies readonly MessageState[];

/** Nobody works on the message `m` any more, whatever its row says: its task has ended, or is gone. */
const IS_ABANDONED = sql<boolean>`m.state in ('waiting', 'streaming') and not exists (
  select 1 from tasks t where t.owner = m.owner and t.id = m.task_id and t.state in ('queued', 'running', 'cancelling'))`;

const IS_BEFORE = sql<boolean>`other.ordinal < chat_messages.ordinal`;

/**
 * What was said in sessions. The replies of a session take turns in the order in which their messages were written; that no two stream at
 * once, on whichever instances, is also held by a unique index. A reply whose task has ended holds nobody up.
 */
@Injectable()
export class ChatMessagesRepository {
  constructor(private readonly db: Database) {}

  async inTransaction<T>(fn: (tx: Tx) => Promise<T>): Promise<T> {
    return await this.db.transaction().execute(fn);
  }

  /** Writers of one session come one after another: so their messages have an order, and each sees those before it. */
  async lock(tx: Tx, { owner, sessionId }: Session): Promise<void> {
    await sql`select pg_advisory_xact_lock(${LOCK_SPACE}::int, hashtext(${`${owner}\n${sessionId}`}))`.execute(tx);
  }

  /** The tasks whose replies in this session are not over, in their order. */
  async unfinished(tx: Tx, session: Session): Promise<string[]> {
    await this.#closeAbandoned(tx, session);
    const rows = await this.#unfinishedIn(tx, session).select('task_id').orderBy('ordinal').execute();
    return rows.map(({ task_id }) => task_id);
  }

  /** Writes a message and the place of its reply, which is `state`. `false` where its owner has used the message's id. */
  async insert(tx: Tx, exchange: NewExchange, state: MessageState): Promise<boolean> {
    const { owner, sessionId, taskId, content } = exchange;
    const last = await tx
      .selectFrom('chat_messages')
      .where('owner', '=', owner)
      .where('session_id', '=', sessionId)
      .select(({ fn }) => fn.max('ordinal').as('ordinal'))
      .executeTakeFirst();
    const ordinal = (last?.ordinal ?? 0) + 1;
    const shared = { owner, session_id: sessionId, task_id: taskId };
    const rows: NewMessage[] = [
      { ...shared, id: exchange.messageId, ordinal, role: 'user', content, state: 'complete' },
      { ...shared, id: exchange.id, ordinal: ordinal + 1, role: 'assistant', content: '', state },
    ];
    const written = await tx
      .insertInto('chat_messages')
      .values(rows)
      .onConflict((conflict) => conflict.columns(['owner', 'id']).doNothing())
      .returning('id')
      .execute();
    return written.length === rows.length;
  }

  /** `waiting → streaming`, unless an earlier reply of the session is not over yet. */
  async takeTurn(reply: ReplyKey): Promise<boolean> {
    await this.#closeAbandoned(this.db, reply);
    const { numUpdatedRows } = await this.#reply(this.db, reply)
      .set({ state: 'streaming' })
      .where('state', '=', 'waiting')
      .where((on) => on.not(on.exists(this.#unfinishedIn(this.db, reply).where(IS_BEFORE).select('id'))))
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }

  /**
   * What replies have said so far, for the case that nobody gets to say how they ended. Returns the ids of those that are written: not
   * of those that are over, nor of those whose row is locked, for nothing waits here.
   */
  async keep(drafts: readonly DraftOf[]): Promise<Set<string>> {
    const owners = drafts.map(({ owner }) => owner);
    const ids = drafts.map(({ id }) => id);
    const { rows } = await sql<{ id: string }>`with said as (
        select * from unnest(${owners}::text[], ${ids}::uuid[], ${drafts.map(({ content }) => content)}::text[]) as d (owner, id, content)
      ), free as (
        select m.owner, m.id, said.content from said join chat_messages m using (owner, id) where m.state = 'streaming'
        for update of m skip locked
      )
      update chat_messages m set content = free.content from free where m.owner = free.owner and m.id = free.id returning m.id`.execute(
      this.db,
    );
    return new Set(rows.map(({ id }) => id));
  }

  async complete(tx: Tx, reply: ReplyKey, content: string): Promise<void> {
    await this.#reply(tx, reply).set({ content, state: 'complete' }).where('state', '=', 'streaming').execute();
  }

  /** The reply ends with what it has said. Leaves alone what is over. */
  async cut(reply: ReplyKey, content: string): Promise<void> {
    await this.#reply(this.db, reply).set({ content, state: 'partial' }).where('state', 'in', UNFINISHED).execute();
  }

  /** The last of what was said before a message, oldest first. A reply that said nothing is left out. */
  async before({ owner, sessionId, messageId }: NewExchange, limit: number): Promise<Said[]> {
    const message = this.db.selectFrom('chat_messages').where('owner', '=', owner).where('id', '=', messageId).select('ordinal');
    const rows = await this.db
      .selectFrom('chat_messages')
      .where('owner', '=', owner)
      .where('session_id', '=', sessionId)
      .where('ordinal', '<', message)
      .where('content', '!=', '')
      .orderBy('ordinal', 'desc')
      .limit(limit)
      .select(['role', 'content'])
      .execute();
    return rows.reverse() as Said[];
  }

  /** A page of a session, oldest first. */
  async list({ owner, sessionId }: Session, { after, limit }: { after: number; limit: number }): Promise<MessageRow[]> {
    return await this.db
      .selectFrom('chat_messages as m')
      .where('owner', '=', owner)
      .where('session_id', '=', sessionId)
      .where('ordinal', '>', after)
      .orderBy('ordinal')
      .limit(limit)
      .select(['owner', 'id', 'session_id', 'ordinal', 'role', 'content', 'task_id', 'created_at'])
      .select(sql<string>`case when ${IS_ABANDONED} then 'partial' else m.state end`.as('state'))
      .execute();
  }

  async #closeAbandoned(db: Kysely<Schema>, { owner, sessionId }: Session): Promise<void> {
    await sql`update chat_messages m set state = 'partial'
      where m.owner = ${owner} and m.session_id = ${sessionId} and ${IS_ABANDONED}`.execute(db);
  }

  #unfinishedIn(db: Kysely<Schema>, { owner, sessionId }: Session) {
    return db
      .selectFrom('chat_messages as other')
      .where('other.owner', '=', owner)
      .where('other.session_id', '=', sessionId)
      .where('other.state', 'in', UNFINISHED);
  }

  #reply(db: Kysely<Schema>, { owner, id }: ReplyKey) {
    return db.updateTable('chat_messages').where('owner', '=', owner).where('id', '=', id);
  }
}
