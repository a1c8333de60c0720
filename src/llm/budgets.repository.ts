import { Injectable } from '@nestjs/common';
import { sql, type Kysely } from 'kysely';
import { Database, type Schema, type Tx } from '../database/index.js';
import type { NewCall } from './llm-calls.repository.js';

/** In US dollars, of the present day in UTC. */
export interface Used {
  readonly spentUsd: number;
  /** For calls that are under way. */
  readonly reservedUsd: number;
}

/** Locks of owners by their budgets stand in a space of their own: these are the first four letters of the word. */
const LOCK_SPACE = 0x42756467;
const TODAY = sql`date_trunc('day', now() at time zone 'UTC') at time zone 'UTC'`;

/**
 * What owners have spent and reserved, read off the ledger itself. A call counts for the day it began. One that is open counts for as
 * long as the attempt that made it holds its task: what a killed process had reserved is free once its lease has been reaped.
 */
@Injectable()
export class BudgetsRepository {
  constructor(private readonly db: Database) {}

  /** Opens the row of a call; `false`, and no row, where its reservation does not fit. */
  async open(call: NewCall & { readonly owner: string }, costUsd: number, limitUsd: number): Promise<boolean> {
    return await this.#oneByOne(call.owner, async (tx) => {
      if (!(await this.#fits(tx, call.owner, costUsd, limitUsd))) return false;
      await tx
        .insertInto('llm_calls')
        .values({ ...call, reserved_usd: costUsd })
        .execute();
      return true;
    });
  }

  /** Reserves more for an open call; `false`, and nothing, where that does not fit. */
  async extend(callId: string, owner: string, costUsd: number, limitUsd: number): Promise<boolean> {
    return await this.#oneByOne(owner, async (tx) => {
      if (!(await this.#fits(tx, owner, costUsd, limitUsd))) return false;
      await tx
        .updateTable('llm_calls')
        .set({ reserved_usd: sql<number>`reserved_usd + ${costUsd}::numeric` })
        .where('id', '=', callId)
        .execute();
      return true;
    });
  }

  async usedToday(owner: string, db: Kysely<Schema> = this.db): Promise<Used> {
    const { rows } = await sql<{ spent: number; reserved: number }>`
      select coalesce(sum(c.cost_usd), 0)::float8 as spent,
        coalesce(sum(c.reserved_usd) filter (where t.attempt = c.task_attempt and t.state in ('running', 'cancelling')), 0)::float8 as reserved
      from llm_calls c left join tasks t on c.outcome = 'open' and t.owner = c.owner and t.id = c.task_id
      where c.owner = ${owner} and c.started_at >= ${TODAY}`.execute(db);
    const [{ spent, reserved } = { spent: 0, reserved: 0 }] = rows;
    return { spentUsd: spent, reservedUsd: reserved };
  }

  async #fits(tx: Tx, owner: string, costUsd: number, limitUsd: number): Promise<boolean> {
    const { spentUsd, reservedUsd } = await this.usedToday(owner, tx);
    return inUnits(spentUsd + reservedUsd + costUsd) <= inUnits(limitUsd);
  }

  /** The look and the reservation of one owner never overlap another's. The lock is a statement of its own, so that the next one sees all that was committed meanwhile. */
  async #oneByOne(owner: string, fn: (tx: Tx) => Promise<boolean>): Promise<boolean> {
    return await this.db.transaction().execute(async (tx) => {
      await sql`select pg_advisory_xact_lock(${LOCK_SPACE}::int, hashtext(${owner}))`.execute(tx);
      return await fn(tx);
    });
  }
}

/** The ledger keeps eight places: sums are compared in them, without the noise of binary fractions. */
function inUnits(usd: number): number {
  return Math.round(usd * 1e8);
}
