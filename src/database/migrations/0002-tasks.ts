import { sql, type Kysely } from 'kysely';

/** Tasks, and the marks of cancels that may come before them. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`create table tasks (
    owner text not null, id uuid not null, kind text not null, scopes text[] not null default '{}', state text not null,
    is_job boolean not null default false, attempt int not null default 1, input jsonb, input_hash text, done int not null default 0, total int, planned_calls int not null default 0,
    result jsonb, error jsonb, stage text, cancel jsonb, receipt jsonb, client_id text, issued_at bigint,
    created_at timestamptz not null default date_trunc('milliseconds', clock_timestamp()), started_at timestamptz, finished_at timestamptz,
    instance_id text, lease_until timestamptz, attached_until timestamptz, resumed_from uuid,
    primary key (owner, id),
    check (state in ('queued', 'running', 'cancelling', 'completed', 'failed', 'cancelled')),
    check ((finished_at is null) = (state in ('queued', 'running', 'cancelling')))
  )`.execute(db);
  await sql`create index tasks_by_owner on tasks (owner, created_at desc, id desc)`.execute(db);
  await sql`create index tasks_by_id on tasks (id)`.execute(db);
  await sql`create index tasks_live on tasks (owner, kind) where state in ('queued', 'running', 'cancelling')`.execute(db);
  await sql`create index tasks_leased on tasks (lease_until) where state in ('running', 'cancelling')`.execute(db);
  await sql`create index tasks_of_instance on tasks (instance_id) where state in ('running', 'cancelling')`.execute(db);
  await sql`create index tasks_finished on tasks (finished_at) where finished_at is not null`.execute(db);
  await sql`create table cancel_marks (
    id bigint generated always as identity primary key, owner text not null, scope text not null, kind text, client_id text, issued_at bigint,
    reason text, requested_by text not null, created_at timestamptz not null default clock_timestamp(), expires_at timestamptz not null,
    is_blind_spent boolean not null default false
  )`.execute(db);
  await sql`create index cancel_marks_by_scope on cancel_marks (owner, scope)`.execute(db);
  await sql`create index cancel_marks_by_expiry on cancel_marks (expires_at)`.execute(db);
  // Ids are the owner's own, and come again once history has forgotten them.
  await sql`alter table quizzes drop constraint quizzes_task_id_key`.execute(db);
  await sql`create index quizzes_by_task on quizzes (owner, task_id)`.execute(db);
  await sql`create index llm_calls_by_owned_task on llm_calls (task_id, owner)`.execute(db);
}
