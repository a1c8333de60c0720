import { sql, type Kysely } from 'kysely';

/** What learners and the tutor say to each other. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`create table chat_messages (
    owner text not null, id uuid not null, session_id text not null, ordinal int not null, role text not null, content text not null,
    state text not null, task_id uuid not null, created_at timestamptz not null default date_trunc('milliseconds', clock_timestamp()),
    primary key (owner, id),
    unique (owner, session_id, ordinal),
    check (role in ('user', 'assistant')),
    check (state in ('waiting', 'streaming', 'complete', 'partial'))
  )`.execute(db);
  await sql`create unique index chat_messages_one_live_reply on chat_messages (owner, session_id) where state = 'streaming'`.execute(db);
  await sql`create index chat_messages_unfinished on chat_messages (owner, session_id, ordinal) where state in ('waiting', 'streaming')`.execute(
    db,
  );
}
