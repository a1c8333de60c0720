import { Injectable } from '@nestjs/common';
import { sql, type RawBuilder } from 'kysely';
import { Database, type Tx } from '../database/index.js';
import { stageNameIn } from '../tasks/index.js';
import type { Period } from './usage.dto.js';

/** What a row is about. `null`: no such thing has to do with it. */
export interface Facets {
  /** `YYYY-MM-DD`, in UTC. */
  readonly day: string;
  readonly kind: string;
  /** What cancelled the task. */
  readonly cause: string | null;
  readonly stage: string | null;
}

/** What calls have used. Their day is that on which they began. */
export interface CallsRow extends Facets {
  readonly calls: number;
  readonly open_calls: number;
  readonly estimated_calls: number;
  readonly unpriced_calls: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cost_usd: number;
}

/** Tasks that have ended. Their day is that of the end; a cause and a stage only cancelled ones have. */
export interface EndedRow extends Facets {
  readonly tasks: number;
}

/** Calls that were still ahead of tasks that were cancelled. Their day is that of the cancel. */
export interface AvoidedRow extends Facets {
  readonly calls: number;
}

/** What a completed call costs. */
export interface MeanRow {
  readonly kind: string;
  readonly stage: string;
  readonly cost_usd: number;
  /** How many calls that rests on. */
  readonly calls: number;
}

/** Everything that usage is told from. */
export interface Books {
  readonly calls: readonly CallsRow[];
  readonly ended: readonly EndedRow[];
  readonly avoided: readonly AvoidedRow[];
  readonly means: readonly MeanRow[];
}

/** Whose books, and of which time. */
export interface Extract extends Period {
  /** Left out: everybody's. */
  readonly owner: string | undefined;
}

/** A mean rests on the calls of so many days at least. */
const MEAN_DAYS = 90;
const CALL_KIND = sql`coalesce(c.task_kind, t.kind, 'unknown')`;
const CALL_STAGE = stageNameIn(sql`c.stage`);
const CAUSE = sql`case when t.state = 'cancelled' then t.cancel ->> 'cause' end`;
const ITS_TASK = sql`left join tasks t on t.owner = c.owner and t.id = c.task_id`;
/** A tombstone was never a task. */
const IS_TASK = sql`not (t.state = 'cancelled' and t.input_hash is null)`;
/** What releases before this one have left says how many calls were avoided, and not of which stages. */
const AVOIDED = sql`coalesce(t.avoided_stages, jsonb_build_object('unknown', t.receipt -> 'calls_avoided'))`;

/** Reads over the ledger and the history of tasks. */
@Injectable()
export class UsageRepository {
  constructor(private readonly db: Database) {}

  /** All of it as it stands at one moment, so that sums agree with each other. */
  async books(extract: Extract): Promise<Books> {
    return await this.db
      .transaction()
      .setIsolationLevel('repeatable read')
      .execute(async (tx) => ({
        calls: await this.#calls(tx, extract),
        ended: await this.#ended(tx, extract),
        avoided: await this.#avoided(tx, extract),
        means: await this.#means(tx, extract),
      }));
  }

  async #calls(tx: Tx, { owner, from, to }: Extract): Promise<CallsRow[]> {
    const { rows } = await sql<CallsRow>`
      select ${dayOf(sql`c.started_at`)} as day, ${CALL_KIND} as kind, ${CAUSE} as cause, ${CALL_STAGE} as stage,
        count(*)::int as calls, (count(*) filter (where c.outcome = 'open'))::int as open_calls,
        (count(*) filter (where c.outcome <> 'open' and not c.is_exact))::int as estimated_calls,
        (count(*) filter (where c.prices_as_of is null and c.cost_usd = 0 and c.prompt_tokens + c.completion_tokens > 0))::int as unpriced_calls,
        sum(c.prompt_tokens)::float8 as prompt_tokens, sum(c.completion_tokens)::float8 as completion_tokens, sum(c.cost_usd)::float8 as cost_usd
      from llm_calls c ${ITS_TASK}
      where c.started_at >= ${from} and c.started_at < ${to} ${ownedBy(sql`c.owner`, owner)}
      group by 1, 2, 3, 4`.execute(tx);
    return rows;
  }

  async #ended(tx: Tx, { owner, from, to }: Extract): Promise<EndedRow[]> {
    const { rows } = await sql<EndedRow>`
      select ${dayOf(sql`t.finished_at`)} as day, t.kind, ${CAUSE} as cause,
        case when t.state = 'cancelled' then ${stageNameIn(sql`t.receipt ->> 'stage'`)} end as stage, count(*)::int as tasks
      from tasks t
      where t.finished_at >= ${from} and t.finished_at < ${to} and ${IS_TASK} ${ownedBy(sql`t.owner`, owner)}
      group by 1, 2, 3, 4`.execute(tx);
    return rows;
  }

  async #avoided(tx: Tx, { owner, from, to }: Extract): Promise<AvoidedRow[]> {
    const { rows } = await sql<AvoidedRow>`
      select ${dayOf(sql`t.finished_at`)} as day, t.kind, ${CAUSE} as cause, a.stage, sum(a.calls::int)::int as calls
      from tasks t cross join lateral jsonb_each_text(${AVOIDED}) as a (stage, calls)
      where t.state = 'cancelled' and a.calls::int > 0
        and t.finished_at >= ${from} and t.finished_at < ${to} and ${IS_TASK} ${ownedBy(sql`t.owner`, owner)}
      group by 1, 2, 3, 4`.execute(tx);
    return rows;
  }

  /** Of completed calls whose model has a price, up to the end of the time asked about. */
  async #means(tx: Tx, { owner, from, to }: Extract): Promise<MeanRow[]> {
    const { rows } = await sql<MeanRow>`
      select ${CALL_KIND} as kind, ${CALL_STAGE} as stage, avg(c.cost_usd)::float8 as cost_usd, count(*)::int as calls
      from llm_calls c ${ITS_TASK}
      where c.outcome = 'completed' and (c.prices_as_of is not null or c.cost_usd > 0)
        and c.started_at >= least(${from}::timestamptz, ${to}::timestamptz - ${MEAN_DAYS} * interval '1 day') and c.started_at < ${to}
        ${ownedBy(sql`c.owner`, owner)}
      group by 1, 2`.execute(tx);
    return rows;
  }
}

function dayOf(moment: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`to_char(${moment} at time zone 'UTC', 'YYYY-MM-DD')`;
}

function ownedBy(column: RawBuilder<unknown>, owner: string | undefined): RawBuilder<unknown> {
  return owner === undefined ? sql`` : sql`and ${column} = ${owner}`;
}
