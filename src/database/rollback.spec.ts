import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CompiledQuery, sql, type Kysely } from 'kysely';
import type { Migration } from 'kysely/migration';
import { DatabaseStartError } from './index.js';
import { migrate } from './migrate.js';
import { migrations } from './migrations/index.js';
import { Scratch, type OpenDatabase } from '../../test/support/abort-database.js';
import { backends } from '../../test/support/backends.js';
import {
  contractions,
  ofFirstRelease,
  readSchema,
  startFirstRelease,
  statementsOfFirstRelease,
  type SchemaView,
  type Statement,
} from '../../test/support/first-release.js';

type AnyKysely = Kysely<never>;

const made = (table: string): Migration => ({
  up: (db) => sql`create table ${sql.table(table)} (id int)`.execute(db).then(() => undefined),
});

describe.each(backends)('One schema under an older and a newer release, on %s', (backend) => {
  let scratch: Scratch;
  let open: OpenDatabase;

  beforeEach(async () => {
    scratch = await Scratch.create(backend);
    open = await scratch.open();
  });
  afterEach(async () => {
    await open.close();
    await scratch.drop();
  });

  const run = <T>(work: (db: AnyKysely) => Promise<T>): Promise<T> =>
    open.context.detached('a release at work in a test', () => work(open.db as unknown as AnyKysely));

  /** A release that was shipped with these migrations starts. */
  const start = (known: Readonly<Record<string, Migration>>): Promise<readonly string[]> =>
    open.context.detached('a release starts in a test', () => migrate(open.db, known));

  async function say({ sql: text, values, rows }: Statement): Promise<void> {
    const answer = await run((db) => db.executeQuery(CompiledQuery.raw(text, [...values])));
    expect([text, answer.rows.length]).toEqual([text, rows ?? 0]);
  }

  it('the first release starts on the newest schema, runs nothing, and all that it says to the database still works', async () => {
    await start(migrations);
    expect(await run(startFirstRelease)).toEqual([]);
    for (const statement of statementsOfFirstRelease) await say(statement);
  });

  it('the newest release takes over what the first one has left, and leaves it readable to the first one', async () => {
    expect(await run(startFirstRelease)).toEqual(Object.keys(ofFirstRelease));
    for (const statement of statementsOfFirstRelease) await say(statement);
    const later = Object.keys(migrations).filter((name) => !(name in ofFirstRelease));
    expect(await start(migrations)).toEqual(later);
    expect(await run(startFirstRelease)).toEqual([]);
    for (const statement of statementsOfFirstRelease.filter(({ sql: text }) => text.startsWith('select * from'))) await say(statement);
  });

  it('this release starts on the schema of one that is still to come', async () => {
    await start({ ...migrations, '9001-to-come': made('to_come'), '9002-and-another': made('another') });
    expect(await start(migrations)).toEqual([]);
    expect(await start({ ...migrations, '9001-to-come': made('to_come') })).toEqual([]);
  });

  it('a release that comes after one it does not know runs what is its own', async () => {
    await start({ ...migrations, '9001-of-another-line': made('of_another_line') });
    expect(await start({ ...migrations, '9002-of-this-line': made('of_this_line') })).toEqual(['9002-of-this-line']);
  });

  it('a migration that fails is told as such, and leaves nothing of itself', async () => {
    const broken = { ...migrations, '9001-broken': { up: (db: AnyKysely) => sql`select nonsense`.execute(db).then(() => undefined) } };
    const refusal = await start(broken as Record<string, Migration>).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(DatabaseStartError);
    expect((refusal as Error).message).toContain('nonsense');
    expect(await start(migrations)).toEqual(Object.keys(migrations).filter((name) => !(name in ofFirstRelease)));
  });
});

describe('A later migration', () => {
  let scratch: Scratch;
  let open: OpenDatabase;

  const run = <T>(work: (db: AnyKysely) => Promise<T>): Promise<T> =>
    open.context.detached('a schema is compared in a test', () => work(open.db as unknown as AnyKysely));

  beforeAll(async () => {
    scratch = await Scratch.create(backends[0]!);
    open = await scratch.open();
  });
  afterAll(async () => {
    await open.close();
    await scratch.drop();
  });

  it('takes nothing away from statements that were written before it, whichever it is', async () => {
    const schemas: SchemaView[] = [];
    for (let count = 1; count <= Object.keys(migrations).length; count += 1) {
      await run(() => migrate(open.db, Object.fromEntries(Object.entries(migrations).slice(0, count))));
      schemas.push(await run(readSchema));
    }
    const steps = schemas.slice(1).map((schema, i) => contractions(schemas[i]!, schema));
    expect(steps).toEqual(steps.map(() => []));
    expect(contractions(schemas[0]!, schemas.at(-1)!)).toEqual([]);
  });

  it.each([
    ['alter table quizzes drop column evaluation', ['quizzes.evaluation is gone']],
    ['alter table quizzes rename column owner to user_id', ['quizzes.owner is gone', 'quizzes.user_id is new and required']],
    ['alter table quizzes add column mode text not null', ['quizzes.mode is new and required']],
    ["alter table quizzes add column mode text not null default 'x', add column note text", []],
    ['alter table llm_calls alter column cost_usd type float8', ['llm_calls.cost_usd was numeric and is double precision']],
    ['alter table llm_calls alter column owner set not null', ['llm_calls.owner has become required']],
    ['create unique index one_chapter on quizzes (chapter_id)', [expect.stringMatching(/^new condition on quizzes: CREATE UNIQUE INDEX/)]],
    ['alter table quizzes add check (book_id > 0)', [expect.stringMatching(/^new condition on quizzes: CHECK/)]],
  ])('would be seen if it were: %s', async (statement, found) => {
    await run(() => migrate(open.db));
    const earlier = await run(readSchema);
    const later = await run(async (db) => {
      const tx = await db.startTransaction().execute();
      await sql.raw(statement).execute(tx);
      const schema = await readSchema(tx);
      await tx.rollback().execute();
      return schema;
    });
    expect(contractions(earlier, later)).toEqual(found);
  });
});
