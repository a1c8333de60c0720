import { sql, type Kysely } from 'kysely';

/** What tasks tell while they run, and what becomes of them when their client goes. */
export async function up(db: Kysely<never>): Promise<void> {
  // Unlogged, because the truth about a task is its row: events that a crash of the server takes are a gap, which readers see.
  await sql`create unlogged table task_events (
    owner text not null, task_id uuid not null, attempt int not null, sequence int not null, type text not null, data text not null,
    created_at timestamptz not null default clock_timestamp(),
    primary key (owner, task_id, attempt, sequence)
  )`.execute(db);
  await sql`create index task_events_by_age on task_events (created_at)`.execute(db);
  await sql`alter table tasks add column on_disconnect text not null default 'cancel', add column grace_ms int,
    add column told int not null default 0`.execute(db);
  // An index on what every heartbeat changes makes each of them write to all indexes. Those of live tasks are few enough to be looked through.
  await sql`drop index tasks_leased`.execute(db);
  await sql`alter table tasks set (fillfactor = 70)`.execute(db);
  await sql`create index tasks_by_grace on tasks (attached_until) where state = 'running' and attached_until is not null`.execute(db);
}
