import { sql, type Kysely } from 'kysely';

/** What usage is told from: which calls were planned and which avoided, whose work a call was, at which prices, and what is reserved for it. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table tasks add column planned_stages jsonb, add column avoided_stages jsonb`.execute(db);
  await sql`create index tasks_ended_by_owner on tasks (owner, finished_at) where finished_at is not null`.execute(db);
  await sql`alter table llm_calls add column task_kind text, add column task_attempt int, add column prices_as_of text,
    add column reserved_usd numeric(14, 8) not null default 0`.execute(db);
  await sql`create index llm_calls_by_start on llm_calls (started_at)`.execute(db);
}
