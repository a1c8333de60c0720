import { sql, type Kysely } from 'kysely';

/** Work in the background: items of tasks, uploaded documents and what they become, resources of projects. */
export async function up(db: Kysely<never>): Promise<void> {
  await sql`alter table tasks add column item text, add column ms_per_item real, add column losses int not null default 0,
    add column deadline_at timestamptz`.execute(db);
  await sql`create index tasks_by_origin on tasks (owner, resumed_from) where resumed_from is not null`.execute(db);
  await sql`create table task_items (
    owner text not null, task_id uuid not null, ordinal int not null, key text not null, name text not null,
    state text not null default 'waiting', attempts int not null default 0, input jsonb, result jsonb, error jsonb,
    started_at timestamptz, finished_at timestamptz,
    primary key (owner, task_id, ordinal),
    unique (owner, task_id, key),
    foreign key (owner, task_id) references tasks on delete cascade,
    check (state in ('waiting', 'running', 'completed', 'failed'))
  )`.execute(db);
  await sql`create table blobs (
    id uuid primary key, owner text not null, place text not null, bytes bigint, sha256 text,
    created_at timestamptz not null default clock_timestamp(), expires_at timestamptz
  )`.execute(db);
  await sql`create index blobs_by_expiry on blobs (expires_at) where expires_at is not null`.execute(db);
  await sql`create table blob_chunks (
    blob_id uuid not null references blobs on delete cascade, ordinal int not null, bytes bytea not null, primary key (blob_id, ordinal)
  )`.execute(db);
  await addContent(db);
  await addDocuments(db);
  await sql`create table resources (
    owner text not null, project_id text not null, id text not null, ordinal int not null, name text not null, data jsonb not null,
    primary key (owner, project_id, id)
  )`.execute(db);
}

/** Books that were made of documents are their owner's alone; those without an owner are everybody's. */
async function addContent(db: Kysely<never>): Promise<void> {
  await sql`create sequence book_ids start 1000`.execute(db);
  await sql`create sequence chapter_ids start 10000`.execute(db);
  await sql`alter table books alter column id set default nextval('book_ids'), add column owner text, add column level text,
    add column subject text, add column created_at timestamptz not null default date_trunc('milliseconds', clock_timestamp())`.execute(db);
  await sql`create index books_by_owner on books (owner)`.execute(db);
  await sql`alter table chapters alter column id set default nextval('chapter_ids')`.execute(db);
  await sql`create index chapters_by_book on chapters (book_id)`.execute(db);
  await sql`alter table passages add column document_id uuid, add column page int`.execute(db);
  await sql`create index passages_by_document on passages (document_id) where document_id is not null`.execute(db);
}

async function addDocuments(db: Kysely<never>): Promise<void> {
  await sql`create table documents (
    id uuid primary key, owner text not null, task_id uuid not null, ordinal int not null, name text not null, media_type text not null,
    bytes bigint not null, sha256 text not null, blob_id uuid, state text not null default 'uploaded', pages int,
    title text, language text, level text, subject text, chapters jsonb, book_id int references books on delete set null, error jsonb,
    created_at timestamptz not null default date_trunc('milliseconds', clock_timestamp()),
    check (state in ('uploaded', 'extracted', 'classified', 'embedded', 'catalogued', 'failed'))
  )`.execute(db);
  await sql`create index documents_by_owner on documents (owner, created_at desc, id desc)`.execute(db);
  await sql`create index documents_by_book on documents (book_id) where book_id is not null`.execute(db);
  await sql`create table document_pages (
    document_id uuid not null references documents on delete cascade, number int not null, text text not null, source text not null,
    primary key (document_id, number),
    check (source in ('text', 'vision', 'none'))
  )`.execute(db);
  await sql`create table document_chunks (
    document_id uuid not null references documents on delete cascade, ordinal int not null, page int not null, text text not null,
    embedding vector, embedding_model text,
    primary key (document_id, ordinal)
  )`.execute(db);
}
