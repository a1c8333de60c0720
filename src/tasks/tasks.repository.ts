import { Injectable } from '@nestjs/common';
import { sql, type Kysely, type RawBuilder } from 'kysely';
import { Database, ReservedDatabase, type Schema, type Tx } from '../database/index.js';
import type { DisconnectPolicy } from './disconnect-policy.js';
import type { Reached } from './live-tasks.js';
import { TaskQueue } from './task-queue.js';
import { statesThatAccept, type TaskState } from './task-state.js';
import type { StageTally } from './stage-tally.js';
import type { TaskFailure } from './task-failure.js';
import type { CancelIntent, Claim, Receipt, TaskKey, TaskRow } from './task.js';

/** What a new task is written as. */
export interface NewTask extends TaskKey {
  readonly kind: string;
  readonly scopes: readonly string[];
  readonly input: unknown;
  readonly inputHash: string;
  readonly clientId?: string;
  readonly issuedAt?: number;
  readonly total?: number;
  readonly done?: number;
  readonly resumedFrom?: string;
  /** The whole task's time from now on, where it is a job. */
  readonly deadlineMs?: number;
  /** For whoever is free, and not for the request that asks. */
  readonly isJob?: boolean;
  /** LLM calls on the straight path, without retries. */
  readonly plannedCalls: number;
  readonly plannedStages: StageTally;
  readonly instanceId: string;
  readonly leaseMs: number;
  readonly onDisconnect: DisconnectPolicy;
}

/** A task that has just been begun. */
export type StartedRow = TaskRow & {
  /** What is left of its time; less than 0 where that is over. */
  readonly deadline_in_ms: number | null;
};

/** Locks of owners while a task of theirs is begun: the first four letters of `Jobs`. */
const START_LOCK_SPACE = 0x4a6f6273;

export const SWEPT_AT_ONCE = 500;

/**
 * The rows of tasks on behalf of whoever works on them. Every change of state is a compare-and-set on owner, id, attempt, instance and
 * state: late work of a former owner changes nothing. Times are the database's own.
 */
@Injectable()
export class TasksRepository {
  constructor(
    private readonly db: Database,
    private readonly reserved: ReservedDatabase,
    private readonly queue: TaskQueue,
  ) {}

  /** Runs `fn` in a transaction on the pool that the features use, so that their rows and the task's commit together. */
  async inTransaction<T>(fn: (tx: Tx) => Promise<T>): Promise<T> {
    return await this.db.transaction().execute(fn);
  }

  /** Writes a task that begins at once; `undefined` where its owner has used the id. */
  async insertRunning(tx: Tx, task: NewTask): Promise<TaskRow | undefined> {
    return await tx
      .insertInto('tasks')
      .values({
        ...columnsOf(task),
        state: 'running',
        started_at: sql<Date>`clock_timestamp()`,
        instance_id: task.instanceId,
        lease_until: fromNow(task.leaseMs),
      })
      .onConflict((conflict) => conflict.columns(['owner', 'id']).doNothing())
      .returningAll()
      .executeTakeFirst();
  }

  /** Writes a task for whoever is free; `undefined` where its owner has used the id. */
  async insertQueued(tx: Tx, task: NewTask): Promise<TaskRow | undefined> {
    return await tx
      .insertInto('tasks')
      .values({
        ...columnsOf(task),
        state: 'queued',
        attempt: 0,
        done: task.done ?? 0,
        resumed_from: task.resumedFrom ?? null,
        deadline_at: task.deadlineMs === undefined ? null : fromNow(task.deadlineMs),
      })
      .onConflict((conflict) => conflict.columns(['owner', 'id']).doNothing())
      .returningAll()
      .executeTakeFirst();
  }

  /** Whether its owner has so many tasks of this kind under way already. Who asks at the same time waits until the transaction has ended. */
  async isOwnerBusy(tx: Tx, { owner, id }: TaskKey, most: number): Promise<boolean> {
    await sql`select pg_advisory_xact_lock(${START_LOCK_SPACE}::int, hashtext(${owner}))`.execute(tx);
    const { rows } = await sql<{ is_busy: boolean }>`
      select count(*) >= ${most} as is_busy from tasks t join tasks mine on mine.owner = t.owner and mine.kind = t.kind
      where mine.owner = ${owner} and mine.id = ${id} and t.is_job and t.state in ('running', 'cancelling')`.execute(tx);
    return rows[0]?.is_busy ?? false;
  }

  /** `queued → running` under the next attempt; `undefined` where there is nothing to begin. */
  async start(
    tx: Tx,
    { owner, id }: TaskKey,
    { instanceId, leaseMs }: Pick<NewTask, 'instanceId' | 'leaseMs'>,
  ): Promise<StartedRow | undefined> {
    return await tx
      .updateTable('tasks')
      .set({
        state: 'running',
        attempt: sql<number>`attempt + 1`,
        started_at: sql<Date>`coalesce(started_at, clock_timestamp())`,
        instance_id: instanceId,
        lease_until: fromNow(leaseMs),
        told: 0,
      })
      .where('owner', '=', owner)
      .where('id', '=', id)
      .where('state', 'in', statesThatAccept('start'))
      .returningAll()
      .returning(sql<number | null>`(extract(epoch from deadline_at - clock_timestamp()) * 1000)::float8`.as('deadline_in_ms'))
      .executeTakeFirst();
  }

  /** `running → queued`: gives a job back, for others to go on with. `false` where it is no longer this owner's, or told to stop. */
  async requeue(claim: Claim, instanceId: string, reached: Reached): Promise<boolean> {
    return await this.reserved.transaction().execute(async (tx) => {
      const row = await this.#owned(claim, instanceId, tx)
        .set({ state: 'queued', instance_id: null, lease_until: null, ...columnsReached(reached) })
        .where('state', 'in', statesThatAccept('requeue'))
        .where('is_job', '=', true)
        .returningAll()
        .executeTakeFirst();
      if (row) await this.queue.deliver(tx, [row]);
      return row !== undefined;
    });
  }

  /** Writes a task that a mark stopped before it began; `undefined` where its owner has used the id. */
  async insertStopped(tx: Tx, task: NewTask, cancel: CancelIntent, receipt: Receipt): Promise<TaskRow | undefined> {
    return await tx
      .insertInto('tasks')
      .values({
        ...columnsOf(task),
        state: 'cancelled',
        cancel: JSON.stringify(cancel),
        receipt: JSON.stringify(receipt),
        avoided_stages: JSON.stringify(task.plannedStages),
        finished_at: sql<Date>`clock_timestamp()`,
      })
      .onConflict((conflict) => conflict.columns(['owner', 'id']).doNothing())
      .returningAll()
      .executeTakeFirst();
  }

  /** Gives the tombstone of a cancel that came first the face of the task it stopped. `undefined` where there is none to be given one. */
  async claimTombstone(tx: Tx, task: NewTask, receipt: Receipt): Promise<TaskRow | undefined> {
    const { owner, id, ...face } = columnsOf(task);
    return await tx
      .updateTable('tasks')
      .set({ ...face, receipt: JSON.stringify(receipt), avoided_stages: face.planned_stages })
      .where('owner', '=', owner)
      .where('id', '=', id)
      .where('state', '=', 'cancelled')
      .where('input_hash', 'is', null)
      .returningAll()
      .executeTakeFirst();
  }

  async findIn(tx: Tx, { owner, id }: TaskKey): Promise<TaskRow | undefined> {
    return await tx.selectFrom('tasks').selectAll().where('owner', '=', owner).where('id', '=', id).executeTakeFirst();
  }

  async find({ owner, id }: TaskKey): Promise<TaskRow | undefined> {
    return await this.reserved.selectFrom('tasks').selectAll().where('owner', '=', owner).where('id', '=', id).executeTakeFirst();
  }

  /** Tasks of this id, the newest first: one, but for those who see the tasks of everybody. */
  async findVisible({ id, owner }: { readonly id: string; readonly owner?: string }): Promise<TaskRow | undefined> {
    return await this.reserved
      .selectFrom('tasks')
      .selectAll()
      .where('id', '=', id)
      .$if(owner !== undefined, (query) => query.where('owner', '=', owner ?? ''))
      .orderBy('created_at', 'desc')
      .limit(1)
      .executeTakeFirst();
  }

  /** A page of history, newest first. */
  async list({ owner, states, kind, scope, after, limit }: HistoryQuery): Promise<TaskRow[]> {
    return await this.db
      .selectFrom('tasks')
      .selectAll()
      .$if(owner !== undefined, (query) => query.where('owner', '=', owner ?? ''))
      .$if(states !== undefined, (query) => query.where('state', 'in', [...(states ?? [])]))
      .$if(kind !== undefined, (query) => query.where('kind', '=', kind ?? ''))
      .$if(scope !== undefined, (query) => query.where(sql<boolean>`scopes @> array[${scope ?? ''}]`))
      .$if(after !== undefined, (query) =>
        query.where(sql<boolean>`(created_at, id) < (${after?.createdAt}::timestamptz, ${after?.id}::uuid)`),
      )
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
  }

  /** `running → completed` with the result; `false` where the task is no longer this owner's to complete. */
  async complete(
    tx: Tx,
    { owner, id, attempt }: Claim,
    instanceId: string,
    { result, ...reached }: Reached & { readonly result: unknown },
  ): Promise<boolean> {
    const { numUpdatedRows } = await tx
      .updateTable('tasks')
      .set({ state: 'completed', result: JSON.stringify(result), ...columnsReached(reached), ...ENDED })
      .where('owner', '=', owner)
      .where('id', '=', id)
      .where('attempt', '=', attempt)
      .where('instance_id', '=', instanceId)
      .where('state', 'in', statesThatAccept('complete'))
      .executeTakeFirst();
    return numUpdatedRows === 1n;
  }

  /** `running → cancelling` for a cause that its own instance saw. Of two causes the one that was written first stays. */
  async tell(claim: Claim, instanceId: string, cancel: CancelIntent): Promise<void> {
    await this.#owned(claim, instanceId)
      .set({ state: 'cancelling', cancel: JSON.stringify(cancel) })
      .where('state', '=', 'running')
      .execute();
  }

  /** `cancelling → cancelled` with the receipt, and the calls avoided. `undefined` where the task is no longer this owner's. */
  async stop(claim: Claim, instanceId: string, reached: Reached, receipt: Receipt, avoided: StageTally): Promise<TaskRow | undefined> {
    const stoppedAt = sql<string>`jsonb_set(${JSON.stringify(receipt)}::jsonb, '{stopped_at}', to_jsonb(${ISO_NOW}))`;
    return await this.#owned(claim, instanceId)
      .set({
        state: 'cancelled',
        receipt: receipt.stopped_at === null ? JSON.stringify(receipt) : stoppedAt,
        avoided_stages: JSON.stringify(avoided),
        ...columnsReached(reached),
        ...ENDED,
      })
      .where('state', 'in', statesThatAccept('stop'))
      .returningAll()
      .executeTakeFirst();
  }

  /** To `failed`, also where it had been told to stop: a real failure is one. */
  async fail(claim: Claim, instanceId: string, reached: Reached, failure: TaskFailure): Promise<TaskRow | undefined> {
    return await this.#owned(claim, instanceId)
      .set({ state: 'failed', error: JSON.stringify(failure), ...columnsReached(reached), ...ENDED })
      .where('state', 'in', statesThatAccept('fail'))
      .returningAll()
      .executeTakeFirst();
  }

  /** Forgets one batch of what ended so many days ago; returns how many. */
  async forget(days: number): Promise<number> {
    const { numAffectedRows } = await sql`
      delete from tasks where (owner, id) in (
        select owner, id from tasks where finished_at < clock_timestamp() - ${days} * interval '1 day'
        order by finished_at limit ${SWEPT_AT_ONCE} for update skip locked
      )`.execute(this.reserved);
    return Number(numAffectedRows ?? 0n);
  }

  #owned({ owner, id, attempt }: Claim, instanceId: string, db: Kysely<Schema> = this.reserved) {
    return db
      .updateTable('tasks')
      .where('owner', '=', owner)
      .where('id', '=', id)
      .where('attempt', '=', attempt)
      .where('instance_id', '=', instanceId);
  }
}

/** A page of history. */
export interface HistoryQuery {
  readonly owner?: string;
  readonly states?: readonly TaskState[];
  readonly kind?: string;
  readonly scope?: string;
  readonly after?: { readonly createdAt: string; readonly id: string };
  readonly limit: number;
}

const ENDED = { finished_at: sql<Date>`clock_timestamp()`, lease_until: null };

/** The database's clock as JSON writes times. */
export const ISO_NOW = sql<string>`to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;

/** `stageName` of a column. */
export function stageNameIn(column: RawBuilder<unknown>): RawBuilder<string> {
  return sql<string>`regexp_replace(${column}, ' [0-9]+/[0-9]+', '')`;
}

function columnsReached({ stage, progress: { done, total }, told }: Reached) {
  return { stage: stage ?? null, done, total, item: null, told };
}

export function fromNow(ms: number) {
  return sql<Date>`clock_timestamp() + ${ms} * interval '1 ms'`;
}

function columnsOf({
  owner,
  id,
  kind,
  scopes,
  input,
  inputHash,
  clientId,
  issuedAt,
  total,
  isJob = false,
  plannedCalls,
  plannedStages,
  onDisconnect,
}: NewTask) {
  return {
    owner,
    id,
    kind,
    scopes: [...scopes],
    input: JSON.stringify(input),
    input_hash: inputHash,
    total: total ?? null,
    is_job: isJob,
    planned_calls: plannedCalls,
    planned_stages: JSON.stringify(plannedStages),
    client_id: clientId ?? null,
    issued_at: issuedAt ?? null,
    on_disconnect: onDisconnect.type,
    grace_ms: onDisconnect.type === 'grace' ? onDisconnect.ms : null,
  };
}
