import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { ReservedDatabase, type Row, type Tx } from '../database/index.js';
import type { TaskFailure } from './task-failure.js';
import type { Claim, TaskKey } from './task.js';

export type ItemState = 'waiting' | 'running' | 'completed' | 'failed';

/** One of the things that a task is about. `key` tells it from the others of the task; `input` is what its work needs to know. */
export interface NewItem {
  readonly key: string;
  readonly name: string;
  readonly input: unknown;
}

export type ItemRow = Row<'task_items'>;
/** An item without what may be large. */
export type ItemHead = Pick<ItemRow, 'ordinal' | 'key' | 'name'> & { readonly state: ItemState };
export type ItemEnd = { readonly state: 'completed'; readonly result: unknown } | { readonly state: 'failed'; readonly error: TaskFailure };

/**
 * The items of tasks. Writes are fenced by the task's attempt and instance: late work of a former owner changes nothing. What is kept
 * of stopped work goes over connections that no slow query of a feature can hold.
 */
@Injectable()
export class TaskItemsRepository {
  constructor(private readonly reserved: ReservedDatabase) {}

  async insert(tx: Tx, { owner, id }: TaskKey, items: readonly NewItem[]): Promise<void> {
    const rows = items.map(({ key, name, input }, at) => ({ ordinal: at + 1, key, name, input }));
    await sql`insert into task_items (owner, task_id, ordinal, key, name, input)
      select ${owner}, ${id}, ordinal, key, name, input
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r (ordinal int, key text, name text, input jsonb)`.execute(tx);
  }

  /** Gives a task the items of another, those that were completed with their results; the others wait. */
  async copy(tx: Tx, from: TaskKey, to: TaskKey): Promise<void> {
    await sql`insert into task_items (owner, task_id, ordinal, key, name, state, input, result, started_at, finished_at)
      select owner, ${to.id}, ordinal, key, name, case state when 'completed' then state else 'waiting' end, input, result,
        case state when 'completed' then started_at end, case state when 'completed' then finished_at end
      from task_items where owner = ${from.owner} and task_id = ${from.id}`.execute(tx);
  }

  /** All items of a task in their order, without what may be large. */
  async heads({ owner, id }: TaskKey): Promise<ItemHead[]> {
    const rows = await this.reserved
      .selectFrom('task_items')
      .where('owner', '=', owner)
      .where('task_id', '=', id)
      .orderBy('ordinal')
      .select(['ordinal', 'key', 'name', 'state'])
      .execute();
    return rows.map((row) => ({ ...row, state: row.state as ItemState }));
  }

  /** What has become of the items of a task, in their order: those that have come to an end. */
  async ended({ owner, id }: TaskKey): Promise<ItemRow[]> {
    return await this.reserved
      .selectFrom('task_items')
      .where('owner', '=', owner)
      .where('task_id', '=', id)
      .where('state', 'in', ['completed', 'failed'])
      .orderBy('ordinal')
      .selectAll()
      .execute();
  }

  /** To `running`; how often it has been begun, this time included, and its input. `undefined` where the task is no longer this owner's. */
  async begin(claim: Claim, instanceId: string, ordinal: number): Promise<Pick<ItemRow, 'input' | 'attempts'> | undefined> {
    const { rows } = await sql<Pick<ItemRow, 'input' | 'attempts'>>`
      update task_items i set state = 'running', attempts = i.attempts + 1, started_at = clock_timestamp()
      ${ofOwner(claim, instanceId)} and i.ordinal = ${ordinal} and i.state in ('waiting', 'running')
      returning i.input, i.attempts`.execute(this.reserved);
    return rows[0];
  }

  /** Writes how an item came to its end; `false` where the task is no longer this owner's. */
  async end(claim: Claim, instanceId: string, ordinal: number, end: ItemEnd): Promise<boolean> {
    const result = end.state === 'completed' ? JSON.stringify(end.result ?? null) : null;
    const error = end.state === 'failed' ? JSON.stringify(end.error) : null;
    const { numAffectedRows } = await sql`
      update task_items i set state = ${end.state}, result = ${result}::jsonb, error = ${error}::jsonb, finished_at = clock_timestamp()
      ${ofOwner(claim, instanceId)} and i.ordinal = ${ordinal} and i.state = 'running'`.execute(this.reserved);
    return numAffectedRows === 1n;
  }

  /** Back to `waiting`, as if it had never been begun. */
  async release(claim: Claim, instanceId: string, ordinal: number): Promise<void> {
    await sql`
      update task_items i set state = 'waiting', attempts = i.attempts - 1, started_at = null
      ${ofOwner(claim, instanceId)} and i.ordinal = ${ordinal} and i.state = 'running'`.execute(this.reserved);
  }
}

function ofOwner({ owner, id, attempt }: Claim, instanceId: string) {
  return sql`from tasks t
    where t.owner = ${owner} and t.id = ${id} and t.attempt = ${attempt} and t.instance_id = ${instanceId}
      and t.state in ('running', 'cancelling') and i.owner = t.owner and i.task_id = t.id`;
}
