import { sql, type Kysely } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import { migrations } from '../../src/database/migrations/index.js';

/** The migrations that the first release was shipped with. */
export const ofFirstRelease: Record<string, Migration> = { '0001-quiz-backend': migrations['0001-quiz-backend']! };

/** How the first release brought its schema up to date at start: Kysely's migrator as it comes, which refuses what it does not know. */
export async function startFirstRelease(db: Kysely<never>): Promise<string[]> {
  const provider = { getMigrations: () => Promise.resolve(ofFirstRelease) };
  const { error, results } = await new Migrator({ db, provider }).migrateToLatest();
  if (error) throw error as Error;
  return (results ?? []).map(({ migrationName }) => migrationName);
}

const QUIZ = '483730fc-17ce-4f8d-97b8-70702eb9e9e4';
const TASK = '09775727-ba6c-4e40-81aa-0e51410e972b';
const QUESTION = '83677ece-23aa-417a-90d6-f1c7b10d4462';
const CALL = '7f58676f-f53f-40b9-9b25-5edd142719c6';
const OWNER = 'ada';
const CREATED_AT = '2026-11-24T15:46:23.499Z';

export interface Statement {
  readonly sql: string;
  readonly values: readonly unknown[];
  /** How many rows it answers with. */
  readonly rows?: number;
}

const SELECT_QUIZZES = 'select * from "quizzes" where "owner" = $1';
const INSERT_QUESTION =
  'insert into "questions" ("type", "skill", "prompt", "options", "answer", "explanation", "passage_id", "id", "quiz_id", "ordinal") ' +
  'values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)';
const USAGE =
  'select count(*) as "count", sum("prompt_tokens") as "prompt", sum("completion_tokens") as "completion", ' +
  'bool_and("is_exact") as "exact", sum("cost_usd") as "cost" from "llm_calls" where "task_id" = $1';
const ACCURACY =
  'select "skill", avg(score)::float8 as "accuracy", count(*)::int as "answered" from (select "skill", "score" from "question_results" ' +
  'where "owner" = $1 and "book_id" = $2 order by "created_at" desc limit $3) as "recent" group by "skill" order by "accuracy"';
const NEAREST =
  'select "id", "kind", "skill", "title", "text" from (select "id", "kind", "skill", "title", "text", ' +
  'embedding::vector(3) <=> $1::vector(3) as "distance" from "passages" where "chapter_id" = $2 and "embedding_model" = $3 ' +
  'order by embedding::vector(3) <=> $4::vector(3) limit $5) as "nearest" ' +
  'order by distance - case when skill = any($6::text[]) then $7::float8 else 0 end limit $8';

/**
 * What the first release says to its database while it makes, stores, shows and validates a quiz, in that order; noted down from its
 * own run. With one passage of one chapter in the book, whose embedding has three dimensions.
 */
export const statementsOfFirstRelease: readonly Statement[] = [
  { sql: 'insert into "books" ("id", "title", "language") values ($1, $2, $3) on conflict do nothing', values: [1, 'Mandarin', 'zh'] },
  {
    sql: 'insert into "chapters" ("id", "book_id", "title", "level") values ($1, $2, $3, $4) on conflict do nothing',
    values: [101, 1, 'Greetings', 'A1'],
  },
  {
    sql:
      'insert into "passages" ("kind", "skill", "title", "text", "chapter_id", "ordinal") values ($1, $2, $3, $4, $5, $6) ' +
      'on conflict do nothing',
    values: ['vocabulary', 'pronouns', 'People', '她', 101, 0],
  },
  { sql: 'update "passages" set "embedding" = $1, "embedding_model" = $2 where "ordinal" = $3', values: ['[1,0,0]', 'offline', 0] },
  {
    sql:
      'select "books"."title" as "bookTitle", "chapters"."title" as "chapterTitle", "chapters"."level" from "chapters" ' +
      'inner join "books" on "books"."id" = "chapters"."book_id" where "chapters"."id" = $1 and "books"."id" = $2',
    values: [101, 1],
    rows: 1,
  },
  { sql: ACCURACY, values: [OWNER, 1, 500], rows: 0 },
  {
    sql: 'insert into "llm_calls" ("kind", "model", "id", "task_id", "owner", "stage") values ($1, $2, $3, $4, $5, $6)',
    values: ['embeddings', 'text-embedding-3-small', CALL, TASK, OWNER, 'retrieve_content'],
  },
  {
    sql:
      'update "llm_calls" set "outcome" = $1, "prompt_tokens" = $2, "completion_tokens" = $3, "is_exact" = $4, "cost_usd" = $5, ' +
      '"ended_at" = now() where "id" = $6',
    values: ['completed', 6, 0, true, 1.2e-7, CALL],
  },
  { sql: NEAREST, values: ['[1,0,0]', 101, 'offline', '[1,0,0]', 30, ['pronouns'], 0.1, 8], rows: 1 },
  {
    sql:
      'insert into "quizzes" ("id", "task_id", "owner", "book_id", "chapter_id", "exercise_type", "evaluation", "created_at") ' +
      'values ($1, $2, $3, $4, $5, $6, $7, $8)',
    values: [QUIZ, TASK, OWNER, 1, 101, 'mixed', '{"attempts":1,"rejected":0,"reasons":[]}', CREATED_AT],
  },
  { sql: INSERT_QUESTION, values: ['vocabulary', 'pronouns', 'What?', '["she","he"]', 'she', 'Because.', 1, QUESTION, QUIZ, 0] },
  { sql: USAGE, values: [TASK], rows: 1 },
  { sql: `${SELECT_QUIZZES} and "id" = $2`, values: [OWNER, QUIZ], rows: 1 },
  { sql: 'select * from "questions" where "quiz_id" in ($1) order by "ordinal"', values: [QUIZ], rows: 1 },
  {
    sql:
      'insert into "question_results" ("owner", "question_id", "book_id", "skill", "answer", "is_correct", "score") ' +
      'values ($1, $2, $3, $4, $5, $6, $7)',
    values: [OWNER, QUESTION, 1, 'pronouns', 'he', false, 0],
  },
  { sql: ACCURACY, values: [OWNER, 1, 500], rows: 1 },
  { sql: `${SELECT_QUIZZES} order by "created_at" desc, "id" desc limit $2`, values: [OWNER, 2], rows: 1 },
  {
    sql: `${SELECT_QUIZZES} and (created_at, id) < ($2::timestamptz, $3::uuid) order by "created_at" desc, "id" desc limit $4`,
    values: [OWNER, '2026-11-25T00:00:00.000Z', QUIZ, 2],
    rows: 1,
  },
];

/** What of a schema its statements rest on: a later schema must still have all of it, and ask for no more. */
export interface SchemaView {
  readonly columns: ReadonlyMap<string, { readonly type: string; readonly isRequired: boolean }>;
  /** What refuses rows: unique indexes, checks, references. */
  readonly conditions: ReadonlyMap<string, string>;
}

export async function readSchema(db: Kysely<never>): Promise<SchemaView> {
  const columns = await sql<{ name: string; table: string; type: string; required: boolean }>`
    select c.table_name as table, c.table_name || '.' || c.column_name as name, c.data_type as type,
           c.is_nullable = 'NO' and c.column_default is null and c.is_identity = 'NO' as required
    from information_schema.columns c where c.table_schema = 'public' and c.table_name not like '%migration%'`.execute(db);
  const conditions = await sql<{ name: string; text: string }>`
    select r.relname || ': ' || pg_get_constraintdef(c.oid) as name, r.relname as text
    from pg_constraint c join pg_class r on r.oid = c.conrelid join pg_namespace n on n.oid = r.relnamespace
    where n.nspname = 'public' and c.contype in ('u', 'c', 'f', 'x')
    union all
    select r.relname || ': ' || pg_get_indexdef(i.indexrelid), r.relname
    from pg_index i join pg_class r on r.oid = i.indrelid join pg_namespace n on n.oid = r.relnamespace
    where n.nspname = 'public' and i.indisunique and not i.indisprimary
      and not exists (select 1 from pg_constraint c where c.conindid = i.indexrelid)`.execute(db);
  return {
    columns: new Map(columns.rows.map(({ name, type, required }) => [name, { type, isRequired: required }])),
    conditions: new Map(conditions.rows.map(({ name, text }) => [name, text])),
  };
}

/** What a schema takes away from statements that were written for an earlier one. Empty where it only expands. */
export function contractions(earlier: SchemaView, later: SchemaView): string[] {
  const tables = new Set([...earlier.columns.keys()].map(tableOf));
  const lost = [...earlier.columns].flatMap(([name, { type, isRequired }]) => {
    const now = later.columns.get(name);
    if (!now) return [`${name} is gone`];
    if (now.type !== type) return [`${name} was ${type} and is ${now.type}`];
    return now.isRequired && !isRequired ? [`${name} has become required`] : [];
  });
  const asked = [...later.columns].filter(
    ([name, { isRequired }]) => isRequired && tables.has(tableOf(name)) && !earlier.columns.has(name),
  );
  const refused = [...later.conditions].filter(([name, table]) => tables.has(table) && !earlier.conditions.has(name));
  return [...lost, ...asked.map(([name]) => `${name} is new and required`), ...refused.map(([name]) => `new condition on ${name}`)];
}

function tableOf(name: string): string {
  return name.slice(0, name.indexOf('.'));
}
