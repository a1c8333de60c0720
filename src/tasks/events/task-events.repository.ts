import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database, ReservedDatabase } from '../../database/index.js';
import type { TaskKey } from '../task.js';
import type { LoggedEvent } from './event-log.js';
import type { EventPosition, TaskEvent } from './task-event.js';

export const SWEPT_AT_ONCE = 1000;

/** Before the first event of any task. */
const START: EventPosition = { attempt: 0, sequence: 0 };

/** What tasks told, in the database. No slow statement of a feature holds it up; its own take milliseconds, but for the sweep. */
@Injectable()
export class TaskEventsRepository {
  constructor(
    private readonly db: Database,
    private readonly reserved: ReservedDatabase,
  ) {}

  /** Leaves out what is not after the last event that is there for its task. Sorted, so that two who insert the same do not deadlock. */
  async insert(events: readonly LoggedEvent[]): Promise<void> {
    await sql`
      with e as materialized (
        select * from unnest(${events.map(({ task }) => task.owner)}::text[], ${events.map(({ task }) => task.id)}::uuid[],
          ${events.map(({ event }) => event.attempt)}::int[], ${events.map(({ event }) => event.sequence)}::int[],
          ${events.map(({ event }) => event.type)}::text[], ${events.map(({ event }) => event.data)}::text[]
        ) as told (owner, task_id, attempt, sequence, type, data)
      ), last as materialized (
        select t.owner, t.task_id, l.attempt, l.sequence from (select distinct owner, task_id from e) t
        cross join lateral (
          select attempt, sequence from task_events there where there.owner = t.owner and there.task_id = t.task_id
          order by attempt desc, sequence desc limit 1
        ) l
      )
      insert into task_events (owner, task_id, attempt, sequence, type, data)
      select e.owner, e.task_id, e.attempt, e.sequence, e.type, e.data from e
      left join last on last.owner = e.owner and last.task_id = e.task_id
      where last.attempt is null or (e.attempt, e.sequence) > (last.attempt, last.sequence)
      order by 1, 2, 3, 4
      on conflict do nothing`.execute(this.reserved);
  }

  /**
   * Leaves the last `kept` of each task. Where that begins is looked for first: joined to what is deleted, it would be looked for again for
   * each of those rows.
   */
  async trim(tasks: readonly TaskKey[], kept: number): Promise<void> {
    await sql`
      with cuts as materialized (
        select t.owner, t.task_id, cut.attempt, cut.sequence
        from unnest(${tasks.map(({ owner }) => owner)}::text[], ${tasks.map(({ id }) => id)}::uuid[]) as t (owner, task_id)
        cross join lateral (
          select attempt, sequence from task_events there where there.owner = t.owner and there.task_id = t.task_id
          order by attempt desc, sequence desc offset ${kept} limit 1
        ) cut
      )
      delete from task_events e using cuts c
      where e.owner = c.owner and e.task_id = c.task_id and (e.attempt, e.sequence) <= (c.attempt, c.sequence)`.execute(this.reserved);
  }

  async after({ owner, id }: TaskKey, { attempt, sequence }: EventPosition = START, limit: number): Promise<TaskEvent[]> {
    return await this.reserved
      .selectFrom('task_events')
      .select(['attempt', 'sequence', 'type', 'data'])
      .where('owner', '=', owner)
      .where('task_id', '=', id)
      .where(sql<boolean>`(attempt, sequence) > (${attempt}, ${sequence})`)
      .orderBy('attempt')
      .orderBy('sequence')
      .limit(limit)
      .execute();
  }

  /** Removes a batch of what is older than `ttlMs`. Returns how many. */
  async forget(ttlMs: number): Promise<number> {
    const { numAffectedRows = 0n } = await sql`
      delete from task_events where (owner, task_id, attempt, sequence) in (
        select owner, task_id, attempt, sequence from task_events where created_at < clock_timestamp() - ${ttlMs} * interval '1 ms'
        order by created_at limit ${SWEPT_AT_ONCE} for update skip locked
      )`.execute(this.db);
    return Number(numAffectedRows);
  }
}
