import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { ReservedDatabase, type Row, type Tx } from '../database/index.js';
import type { QueuedTask, TaskKey } from '../tasks/index.js';

/** A delivery that was fetched and that nobody works on; with its task, where that still waits. */
export interface Stray {
  readonly kind: string;
  readonly delivery: string;
  readonly task: QueuedTask | null;
}

interface Successor {
  readonly isThere: boolean;
  readonly next: Pick<Row<'tasks'>, 'id' | 'finished_at'> | undefined;
}

const STRAYS_AT_ONCE = 100;

/** Which tasks go on from which, and which deliveries lead nowhere. */
@Injectable()
export class JobsRepository {
  constructor(private readonly reserved: ReservedDatabase) {}

  /** On connections that no slow query of a feature can hold. */
  async inTransaction<T>(fn: (tx: Tx) => Promise<T>): Promise<T> {
    return await this.reserved.transaction().execute(fn);
  }

  /** Whether this task is there, and which other than `but` goes on from it. Others that ask wait until the transaction has ended. */
  async successor(tx: Tx, { owner, id }: TaskKey, but: TaskKey): Promise<Successor> {
    const locked = await tx.selectFrom('tasks').where('owner', '=', owner).where('id', '=', id).select('id').forUpdate().execute();
    const next = await tx
      .selectFrom('tasks')
      .where('owner', '=', owner)
      .where('resumed_from', '=', id)
      .where('id', '!=', but.id)
      .select(['id', 'finished_at'])
      .limit(1)
      .executeTakeFirst();
    return { isThere: locked.length > 0, next };
  }

  /** Deliveries of these kinds that were fetched so long ago and whose tasks nobody works on. Those that somebody holds are left out. */
  async strays(tx: Tx, kinds: readonly string[], fetchedMsAgo: number): Promise<Stray[]> {
    const { rows } = await sql<Stray>`
      select j.name as kind, j.id as delivery, case when t.state = 'queued'
        then jsonb_build_object('owner', t.owner, 'id', t.id, 'kind', t.kind, 'attempt', t.attempt) end as task
      from pgboss.job j left join tasks t on t.owner = j.data ->> 'owner' and t.id = (j.data ->> 'id')::uuid
      where j.name = any(${[...kinds]}::text[]) and j.state = 'active'
        and j.started_on < clock_timestamp() - ${fetchedMsAgo} * interval '1 ms'
        and coalesce(t.state not in ('running', 'cancelling'), true)
      limit ${STRAYS_AT_ONCE} for update of j skip locked`.execute(tx);
    return rows;
  }
}
