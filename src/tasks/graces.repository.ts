import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { HeartbeatDatabase, ReservedDatabase } from '../database/index.js';
import type { CancelIntent, Claim, TaskKey } from './task.js';
import { fromNow, ISO_NOW } from './tasks.repository.js';

/** What the end of a grace has found: the task was told to stop, or somebody is there and it has so many milliseconds more. */
export type GraceEnd = { readonly isOver: true } | { readonly isOver: false; readonly leftMs: number };

const LEFT_MS = sql<number | null>`(extract(epoch from attached_until - clock_timestamp()) * 1000)::float8`;
const ENDED_AT_ONCE = 100;
/** The owner's own timer comes first: others end the grace of one that does not answer. */
const OVERDUE_MS = 1000;

/**
 * How long tasks may go on without a client, in the rows themselves, on the database's clock: `attached_until` is `null` while somebody
 * waits on the instance that works on the task. Its end is a compare-and-set, so that a client may come back on any instance.
 */
@Injectable()
export class GracesRepository {
  constructor(
    private readonly reserved: ReservedDatabase,
    private readonly heartbeat: HeartbeatDatabase,
  ) {}

  /** The last client on the owner's instance has gone. `false` where the task is no longer this owner's to wait with. */
  async begin(claim: Claim, instanceId: string, ms: number): Promise<boolean> {
    return await this.#set(claim, instanceId, fromNow(ms));
  }

  /** A client has come back to the owner's instance. */
  async stop(claim: Claim, instanceId: string): Promise<void> {
    await this.#set(claim, instanceId, sql<null>`null`);
  }

  /** `running → cancelling` if the time is up; `undefined` where the task is no longer this owner's to stop. */
  async end({ owner, id, attempt }: Claim, instanceId: string, ms: number): Promise<GraceEnd | undefined> {
    const { rows } = await sql<{ is_over: boolean; left_ms: number | null }>`
      with ended as (
        update tasks set state = 'cancelling', cancel = ${intentOf(ms)}
        where owner = ${owner} and id = ${id} and attempt = ${attempt} and instance_id = ${instanceId} and state = 'running'
          and attached_until <= clock_timestamp()
        returning id
      )
      select (select count(*) > 0 from ended) as is_over, ${LEFT_MS} as left_ms from tasks
      where owner = ${owner} and id = ${id} and attempt = ${attempt} and instance_id = ${instanceId} and state = 'running'`.execute(
      this.reserved,
    );
    const [row] = rows;
    if (!row) return undefined;
    return row.is_over ? { isOver: true } : { isOver: false, leftMs: row.left_ms ?? ms };
  }

  /** Somebody waits on an instance that does not work on the task, for so many milliseconds more. */
  async renew({ owner, id }: TaskKey, leadMs: number): Promise<void> {
    await sql`
      update tasks set attached_until = greatest(attached_until, clock_timestamp() + (grace_ms + ${leadMs}::float8) * interval '1 ms')
      where owner = ${owner} and id = ${id} and state = 'running' and attached_until is not null`.execute(this.reserved);
  }

  /** They have gone: from now on the grace counts, unless somebody else renews it. */
  async leave({ owner, id }: TaskKey): Promise<void> {
    await sql`
      update tasks set attached_until = clock_timestamp() + grace_ms * interval '1 ms'
      where owner = ${owner} and id = ${id} and state = 'running' and attached_until is not null`.execute(this.reserved);
  }

  /** Tells tasks to stop whose grace has ended and whose owner has not noticed. They are still the owner's to stop. */
  async endOverdue(): Promise<(Claim & { readonly cancel: CancelIntent })[]> {
    const { rows } = await sql<Claim & { readonly cancel: CancelIntent }>`
      with overdue as (
        select owner, id from tasks where state = 'running' and attached_until < clock_timestamp() - ${OVERDUE_MS} * interval '1 ms'
        order by owner, id limit ${ENDED_AT_ONCE} for update skip locked
      )
      update tasks t set state = 'cancelling', cancel = ${intentOf(sql`t.grace_ms`)}
      from overdue o where t.owner = o.owner and t.id = o.id
      returning t.owner, t.id, t.attempt, t.cancel`.execute(this.heartbeat);
    return rows;
  }

  async #set({ owner, id, attempt }: Claim, instanceId: string, until: ReturnType<typeof fromNow> | ReturnType<typeof sql<null>>) {
    const { numUpdatedRows } = await this.reserved
      .updateTable('tasks')
      .set({ attached_until: until })
      .where('owner', '=', owner)
      .where('id', '=', id)
      .where('attempt', '=', attempt)
      .where('instance_id', '=', instanceId)
      .where('state', '=', 'running')
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }
}

function intentOf(ms: unknown) {
  return sql`jsonb_build_object('cause', 'client_disconnect', 'requested_at', ${ISO_NOW},
    'reason', format('The client did not come back within %s ms.', ${ms}::int))`;
}
