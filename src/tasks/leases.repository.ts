import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { HeartbeatDatabase, type Tx } from '../database/index.js';
import { OWNER_LOST } from './task-failure.js';
import { TaskQueue } from './task-queue.js';
import type { Claim, TaskRow } from './task.js';
import { ISO_NOW } from './tasks.repository.js';

/** What the work on a task has come to, as its owner tells on each heartbeat. */
export interface Beat extends Claim {
  readonly stage: string | null;
  readonly done: number;
  readonly total: number | null;
  readonly item: string | null;
  readonly ms_per_item: number | null;
}

/** What the database says of a task at its owner's heartbeat. */
export type Renewed = Pick<TaskRow, 'owner' | 'id' | 'attempt' | 'state' | 'cancel'> & {
  /** `false` where somebody holds the row. */
  readonly is_renewed: boolean;
};

const RUNNING = sql`('running', 'cancelling')`;
const REAPED_AT_ONCE = 100;
/** A job whose workers vanish so often is what makes them vanish. */
const MOST_LOSSES = 5;
const IS_REQUEUED = sql`t.is_job and t.state = 'running' and t.losses + 1 < ${MOST_LOSSES}`;

/** What becomes of a task `t` whose owner is gone: a job goes on elsewhere; of any other nobody can say when its work really stopped. */
const LOST = sql`
  state = case when ${IS_REQUEUED} then 'queued' when t.state = 'cancelling' then 'cancelled' else 'failed' end,
  losses = t.losses + 1,
  error = case when not (${IS_REQUEUED}) and t.state = 'running' then ${JSON.stringify(OWNER_LOST)}::jsonb end,
  cancel = case when ${IS_REQUEUED} then null
    else coalesce(t.cancel, jsonb_build_object('cause', 'lease_lost', 'requested_at', ${ISO_NOW})) end,
  receipt = case when not (${IS_REQUEUED}) then jsonb_build_object('stopped_at', null, 'stage', t.stage, 'layers', '[]'::jsonb,
    'calls_avoided', 0, 'zombies', '[]'::jsonb, 'confirmed', false) end,
  finished_at = case when not (${IS_REQUEUED}) then clock_timestamp() end, lease_until = null,
  instance_id = case when not (${IS_REQUEUED}) then t.instance_id end`;

/** Leases, on the database's clock and on connections that no slow query of a feature can hold. */
@Injectable()
export class LeasesRepository {
  constructor(
    private readonly heartbeat: HeartbeatDatabase,
    private readonly queue: TaskQueue,
  ) {}

  async ping(): Promise<void> {
    await sql`select 1`.execute(this.heartbeat);
  }

  /**
   * Renews the leases of an instance, and returns what the database knows of each task: what is not returned is not its own any more.
   * A row that somebody holds is passed over and waits for the next heartbeat: one transaction that stands still must not cost this
   * instance all its leases.
   */
  async renew(instanceId: string, beats: readonly Beat[], leaseMs: number): Promise<Renewed[]> {
    if (beats.length === 0) return [];
    const { rows } = await sql<Renewed>`
      with beats as (
        select * from jsonb_to_recordset(${JSON.stringify(beats)}::jsonb) as b (owner text, id uuid, attempt int, stage text, done int, total int,
          item text, ms_per_item real)
      ), mine as (
        select t.owner, t.id, t.attempt, t.state, t.cancel
        from tasks t join beats b on t.owner = b.owner and t.id = b.id and t.attempt = b.attempt
        where t.instance_id = ${instanceId} and t.state in ${RUNNING}
      ), free as (
        select b.* from tasks t join beats b on t.owner = b.owner and t.id = b.id and t.attempt = b.attempt
        where t.instance_id = ${instanceId} and t.state in ${RUNNING}
        order by t.owner, t.id for update of t skip locked
      ), renewed as (
        update tasks t
        set lease_until = clock_timestamp() + ${leaseMs} * interval '1 ms', stage = coalesce(f.stage, t.stage), done = f.done, total = f.total,
          item = f.item, ms_per_item = coalesce(f.ms_per_item, t.ms_per_item)
        from free f
        where t.owner = f.owner and t.id = f.id
        returning t.owner, t.id, t.attempt, t.state, t.cancel
      )
      select m.*, false as is_renewed from mine m union all select r.*, true from renewed r`.execute(this.heartbeat);
    // Joined here: the planner cannot know how many there are, and would compare each with each.
    const renewed = new Set(rows.filter(({ is_renewed }) => is_renewed).map(nameOf));
    return rows.filter((row) => row.is_renewed || !renewed.has(nameOf(row)));
  }

  /**
   * Ends a batch of what nobody works on any more: `running` as failed, `cancelling` as cancelled, both unconfirmed. Jobs are queued
   * again, but for those of kinds that are not known here: instances that know them do that.
   */
  async reap(): Promise<TaskRow[]> {
    return await this.#lost(async (tx) => {
      const { rows } = await sql<TaskRow>`
        with dead as (
          select owner, id from tasks where state in ${RUNNING} and lease_until < clock_timestamp()
            and (not is_job or state = 'cancelling' or kind = any(${[...this.queue.kinds]}::text[]))
          order by owner, id limit ${REAPED_AT_ONCE} for update skip locked
        )
        update tasks t set ${LOST}
        from dead where t.owner = dead.owner and t.id = dead.id
        returning t.*`.execute(tx);
      return rows;
    });
  }

  /** Gives up what its owner could not hold, if nobody has noticed yet: as `reap` does. */
  async lose({ owner, id, attempt }: Claim, instanceId: string): Promise<TaskRow | undefined> {
    const [row] = await this.#lost(async (tx) => {
      const { rows } = await sql<TaskRow>`
      with mine as (
        select owner, id from tasks
        where owner = ${owner} and id = ${id} and attempt = ${attempt} and instance_id = ${instanceId} and state in ${RUNNING}
        for update skip locked
      )
      update tasks t set ${LOST} from mine where t.owner = mine.owner and t.id = mine.id
      returning t.*`.execute(tx);
      return rows;
    });
    return row;
  }

  /** What is queued again is delivered in the same transaction. */
  async #lost(update: (tx: Tx) => Promise<TaskRow[]>): Promise<TaskRow[]> {
    return await this.heartbeat.transaction().execute(async (tx) => {
      const rows = await update(tx);
      const queued = rows.filter(({ state }) => state === 'queued');
      if (queued.length > 0) await this.queue.deliver(tx, queued);
      return rows;
    });
  }
}

function nameOf({ owner, id }: Renewed): string {
  return `${id} ${owner}`;
}
