import { Injectable } from '@nestjs/common';
import { sql, type Kysely } from 'kysely';
import { ReservedDatabase, type Schema, type Tx } from '../database/index.js';
import { statesThatAccept, TASK_STATES, isTerminal, type TaskState } from './task-state.js';
import { fromNow, ISO_NOW, stageNameIn, type NewTask } from './tasks.repository.js';
import type { CancelIntent, TaskKey, TaskRow } from './task.js';

/** Which tasks of one owner are meant. At least one of the fields is given. */
export interface Selection {
  readonly ids?: readonly string[];
  readonly scope?: string;
  readonly kind?: string;
}

export interface NewMark {
  readonly owner: string;
  readonly scope: string;
  readonly kind?: string;
  readonly clientId?: string;
  readonly issuedAt?: number;
  readonly reason?: string;
  readonly by: string;
  readonly ttlMs: number;
  /** It stops no task that says nothing of its client and issue time. */
  readonly isBlindSpent: boolean;
}

/** A task as a cancel has left it. */
export type ToldRow = TaskRow & {
  /** It waited in the queue until this very cancel. */
  readonly isStoppedNow?: boolean;
};

export interface Mark {
  readonly scope: string;
  readonly reason: string | null;
  readonly requested_by: string;
  readonly created_at: Date;
}

/** The advisory locks of owners stand in a space of their own: these are the first four letters of the name. */
const LOCK_SPACE = 0x48616e67;
const LIVE = TASK_STATES.filter((state) => !isTerminal(state));
const TELLABLE = statesThatAccept('cancel');

/**
 * The calls that are still ahead of a task `m` in the queue, by stage. One that was given back, or left behind by an instance that is
 * gone, has made some of them.
 */
const CALLS_AHEAD = sql`(
  select jsonb_object_agg(p.stage, greatest(p.planned::int - coalesce(made.calls, 0), 0)) as stages,
    sum(greatest(p.planned::int - coalesce(made.calls, 0), 0))::int as calls
  from tasks q cross join lateral jsonb_each_text(q.planned_stages) as p (stage, planned)
  left join lateral (
    select count(distinct c.stage)::int as calls from llm_calls c
    where c.task_id = q.id and c.owner = q.owner and ${stageNameIn(sql`c.stage`)} = p.stage and (c.outcome <> 'aborted' or c.prompt_tokens > 0)
  ) made on true
  where q.owner = m.owner and q.id = m.id
)`;

/** What cancels write: intents on rows, tombstones for ids, marks for scopes. On connections that no slow query of a feature can hold. */
@Injectable()
export class CancelsRepository {
  constructor(private readonly reserved: ReservedDatabase) {}

  async inTransaction<T>(fn: (tx: Tx) => Promise<T>): Promise<T> {
    return await this.reserved.transaction().execute(fn);
  }

  /**
   * A create takes its owner's lock shared, a cancel of what may not be there yet takes it exclusive. A statement of its own, so that
   * the next one sees all that was committed while it waited.
   */
  async lock(tx: Tx, owner: string, mode: 'shared' | 'exclusive'): Promise<void> {
    const how = mode === 'shared' ? sql`pg_advisory_xact_lock_shared` : sql`pg_advisory_xact_lock`;
    await sql`select ${how}(${LOCK_SPACE}::int, hashtext(${owner}))`.execute(tx);
  }

  /**
   * Tells all that is meant to stop: `queued → cancelled`, `running → cancelling`. Returns every row that is meant, as it is
   * afterwards. By ids those are all of them; by scope or kind, those that have not ended, but for what the same client issued after the
   * cancel. `owner` left out means anybody's.
   */
  async tell(
    tx: Tx,
    owner: string | undefined,
    meant: Selection,
    cancel: Omit<CancelIntent, 'requested_at'>,
    issued: { readonly clientId?: string; readonly issuedAt?: number } = {},
  ): Promise<ToldRow[]> {
    const rows = await this.#meant(tx, owner, meant)
      .$if(meant.ids === undefined, (query) => query.where('state', 'in', LIVE).where(notIssuedAfter(issued)))
      .orderBy('owner')
      .orderBy('id')
      .forUpdate()
      .execute();
    const told = await this.#tellAll(
      tx,
      rows.filter(({ state }) => TELLABLE.includes(state as TaskState)),
      cancel,
    );
    return rows.map((row) => told.find(({ owner: whose, id }) => whose === row.owner && id === row.id) ?? row);
  }

  async #tellAll(tx: Tx, rows: readonly TaskRow[], cancel: Omit<CancelIntent, 'requested_at'>): Promise<ToldRow[]> {
    if (rows.length === 0) return [];
    const intent = sql`${JSON.stringify(cancel)}::jsonb || jsonb_build_object('requested_at', ${ISO_NOW})`;
    const noWork = sql`jsonb_build_object('stopped_at', ${ISO_NOW}, 'stage', t.stage, 'layers', '[]'::jsonb, 'calls_avoided', coalesce(ahead.calls, t.planned_calls),
      'zombies', '[]'::jsonb, 'confirmed', true)`;
    const { rows: told } = await sql<TaskRow>`
      update tasks t set cancel = ${intent},
        state = case t.state when 'queued' then 'cancelled' else 'cancelling' end,
        receipt = case t.state when 'queued' then ${noWork} end,
        avoided_stages = case t.state when 'queued' then ahead.stages end,
        finished_at = case t.state when 'queued' then clock_timestamp() end
      from unnest(${rows.map(({ owner }) => owner)}::text[], ${rows.map(({ id }) => id)}::uuid[]) as m (owner, id)
        left join lateral ${CALLS_AHEAD} ahead on true
      where t.owner = m.owner and t.id = m.id
      returning t.*`.execute(tx);
    return told.map((row) => ({ ...row, isStoppedNow: row.state === 'cancelled' }));
  }

  /** Remembers the cancel of an id that nobody has used; `undefined` where somebody of that owner has. */
  async entomb(tx: Tx, { owner, id }: TaskKey, cancel: Omit<CancelIntent, 'requested_at'>): Promise<TaskRow | undefined> {
    return await tx
      .insertInto('tasks')
      .values({
        owner,
        id,
        kind: 'unknown',
        state: 'cancelled',
        cancel: sql<string>`${JSON.stringify(cancel)}::jsonb || jsonb_build_object('requested_at', ${ISO_NOW})`,
        finished_at: sql<Date>`clock_timestamp()`,
      })
      .onConflict((conflict) => conflict.columns(['owner', 'id']).doNothing())
      .returningAll()
      .executeTakeFirst();
  }

  async mark(tx: Tx, { owner, scope, kind, clientId, issuedAt, reason, by, ttlMs, isBlindSpent }: NewMark): Promise<void> {
    await tx
      .insertInto('cancel_marks')
      .values({
        owner,
        scope,
        kind: kind ?? null,
        client_id: clientId ?? null,
        issued_at: issuedAt ?? null,
        reason: reason ?? null,
        requested_by: by,
        expires_at: fromNow(ttlMs),
        is_blind_spent: isBlindSpent,
      })
      .execute();
  }

  /**
   * The mark that stops this task before it begins, if there is one. Where both name the same client, its own issue times decide;
   * a task that names no client or time is stopped once by a mark that found nothing to stop, shortly after it; any other came after it
   * and is let go.
   */
  async markAgainst(tx: Tx, task: NewTask, blindMs: number): Promise<Mark | undefined> {
    if (task.scopes.length === 0) return undefined;
    return task.clientId !== undefined && task.issuedAt !== undefined
      ? await this.#markByIssueTime(tx, task, task.clientId, task.issuedAt)
      : await this.#markByArrival(tx, task, blindMs);
  }

  async #markByIssueTime(tx: Tx, task: NewTask, clientId: string, issuedAt: number): Promise<Mark | undefined> {
    return await this.#marksOn(tx, task)
      .select(['scope', 'reason', 'requested_by', 'created_at'])
      .where('client_id', '=', clientId)
      .where(sql<boolean>`issued_at >= ${issuedAt}`)
      .orderBy('created_at', 'desc')
      .limit(1)
      .executeTakeFirst();
  }

  async #markByArrival(tx: Tx, task: NewTask, blindMs: number): Promise<Mark | undefined> {
    const candidate = this.#marksOn(tx, task)
      .select('id')
      .where('is_blind_spent', '=', false)
      .where(sql<boolean>`created_at > clock_timestamp() - ${blindMs} * interval '1 ms'`)
      .orderBy('created_at')
      .limit(1);
    return await tx
      .updateTable('cancel_marks')
      .set({ is_blind_spent: true })
      .where('id', '=', candidate)
      .where('is_blind_spent', '=', false)
      .returning(['scope', 'reason', 'requested_by', 'created_at'])
      .executeTakeFirst();
  }

  /** What this owner cancelled by the very same selection not long ago and has ended: clicks that come again count it again. */
  async recentlyStopped(tx: Tx, owner: string, meant: Selection, withinMs: number): Promise<TaskRow[]> {
    return await this.#meant(tx, owner, meant)
      .where('state', '=', 'cancelled')
      .where(sql<boolean>`cancel ->> 'scope' = ${meant.scope ?? meant.kind ?? ''}`)
      .where(sql<boolean>`finished_at > clock_timestamp() - ${withinMs} * interval '1 ms'`)
      .orderBy('created_at')
      .execute();
  }

  async forgetMarks(): Promise<void> {
    await this.reserved
      .deleteFrom('cancel_marks')
      .where(sql<boolean>`expires_at < clock_timestamp()`)
      .execute();
  }

  #meant(db: Kysely<Schema>, owner: string | undefined, { ids, scope, kind }: Selection) {
    return db
      .selectFrom('tasks')
      .selectAll()
      .$if(owner !== undefined, (query) => query.where('owner', '=', owner ?? ''))
      .$if(ids !== undefined, (query) => query.where(sql<boolean>`id = any(${ids ?? []}::uuid[])`))
      .$if(scope !== undefined, (query) => query.where(sql<boolean>`scopes @> array[${scope ?? ''}]`))
      .$if(kind !== undefined, (query) => query.where('kind', '=', kind ?? ''));
  }

  #marksOn(tx: Tx, { owner, scopes, kind }: NewTask) {
    return tx
      .selectFrom('cancel_marks')
      .where('owner', '=', owner)
      .where(sql<boolean>`scope = any(${[...scopes]}::text[])`)
      .where((on) => on.or([on('kind', 'is', null), on('kind', '=', kind)]))
      .where(sql<boolean>`expires_at > clock_timestamp()`);
  }
}

/** A cancel may be overtaken by the next task of its own client: that one is not meant. */
function notIssuedAfter({ clientId, issuedAt }: { readonly clientId?: string; readonly issuedAt?: number }) {
  if (clientId === undefined || issuedAt === undefined) return sql<boolean>`true`;
  return sql<boolean>`not coalesce(client_id = ${clientId} and issued_at > ${issuedAt}, false)`;
}
