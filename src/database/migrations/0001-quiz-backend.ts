import { sql, type Kysely } from 'kysely';

/** Content, quizzes, results and the token ledger. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`create extension if not exists vector`.execute(db);
  await sql`create table books (id int primary key, title text not null, language text not null)`.execute(db);
  await sql`create table chapters (
    id int primary key, book_id int not null references books on delete cascade, title text not null, level text not null
  )`.execute(db);
  await sql`create table passages (
    id int generated always as identity primary key, chapter_id int not null references chapters on delete cascade, ordinal int not null,
    kind text not null, skill text not null, title text not null, text text not null, embedding vector, embedding_model text,
    unique (chapter_id, ordinal)
  )`.execute(db);
  await sql`create table quizzes (
    id uuid primary key, task_id uuid not null unique, owner text not null, book_id int not null references books, chapter_id int not null references chapters,
    exercise_type text not null, evaluation jsonb not null, created_at timestamptz not null default now()
  )`.execute(db);
  await sql`create index quizzes_by_owner on quizzes (owner, created_at desc, id)`.execute(db);
  await sql`create table questions (
    id uuid primary key, quiz_id uuid not null references quizzes on delete cascade, ordinal int not null, type text not null, skill text not null,
    prompt text not null, options jsonb, answer text not null, explanation text not null, passage_id int not null references passages,
    unique (quiz_id, ordinal)
  )`.execute(db);
  await sql`create table question_results (
    id bigint generated always as identity primary key, owner text not null, question_id uuid not null references questions on delete cascade,
    book_id int not null, skill text not null, answer text not null, is_correct boolean not null, score real not null,
    created_at timestamptz not null default now()
  )`.execute(db);
  await sql`create index question_results_by_owner on question_results (owner, book_id, created_at desc)`.execute(db);
  await sql`create table llm_calls (
    id uuid primary key, task_id uuid not null, owner text, stage text not null, kind text not null, model text not null,
    outcome text not null default 'open', prompt_tokens int not null default 0, completion_tokens int not null default 0,
    is_exact boolean not null default false, cost_usd numeric(14, 8) not null default 0,
    started_at timestamptz not null default now(), ended_at timestamptz
  )`.execute(db);
  await sql`create index llm_calls_by_task on llm_calls (task_id)`.execute(db);
  await sql`create index llm_calls_by_owner on llm_calls (owner, started_at)`.execute(db);
}
