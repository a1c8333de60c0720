import { PGlite } from '@electric-sql/pglite';
import { createPgConfig } from '@electric-sql/pglite/node-postgres';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { sql } from 'kysely';
import pg from 'pg';
import { AbortContext } from '../abort/index.js';
import type { Connection } from './connect.js';
import { Database, DatabaseStartError } from './index.js';
import { loadSampleBook } from './load-sample-book.js';
import { migrate } from './migrate.js';
import { migrations } from './migrations/index.js';
import { SilentQueryObserver } from './query-observer.js';
import { mandarinCourse } from './sample/mandarin-course.js';
import { Scratch, type OpenDatabase } from '../../test/support/abort-database.js';
import { backends } from '../../test/support/backends.js';

const TABLES = [
  'blob_chunks',
  'blobs',
  'books',
  'cancel_marks',
  'chapters',
  'chat_messages',
  'document_chunks',
  'document_pages',
  'documents',
  'llm_calls',
  'passages',
  'question_results',
  'questions',
  'quizzes',
  'resources',
  'task_events',
  'task_items',
  'tasks',
];
const PASSAGES = mandarinCourse.chapters.flatMap(({ passages }) => passages).length;

describe.each(backends)('Bringing %s up to date', (backend) => {
  let scratch: Scratch;
  let open: OpenDatabase;

  function run<T>(work: (database: OpenDatabase) => Promise<T>, on: OpenDatabase = open): Promise<T> {
    return on.context.detached('bringing the schema up to date in a test', () => work(on));
  }

  async function tables(): Promise<string[]> {
    const { rows } = await run(({ db }) =>
      sql<{ name: string }>`select table_name as name from information_schema.tables where table_schema = 'public' order by 1`.execute(db),
    );
    return rows.map(({ name }) => name).filter((name) => !/^(kysely|hangup)_migration/.test(name));
  }

  async function content(): Promise<object> {
    const [books, chapters, passages] = await run(({ db }) =>
      Promise.all(
        (['books', 'chapters', 'passages'] as const).map((table) =>
          db
            .selectFrom(table)
            .select(({ fn }) => fn.countAll<string>().as('n'))
            .executeTakeFirstOrThrow(),
        ),
      ),
    );
    return { books: Number(books!.n), chapters: Number(chapters!.n), passages: Number(passages!.n) };
  }

  beforeAll(async () => {
    scratch = await Scratch.create(backend);
    open = await scratch.open();
  });

  afterAll(async () => {
    await open.close();
    await scratch.drop();
  });

  it('runs every migration once, by four at the same time', async () => {
    const instances =
      backend === 'postgres' ? await Promise.all(Array.from({ length: 4 }, () => scratch.open())) : [open, open, open, open];
    const ran = await Promise.all(instances.map((instance) => run(({ db }) => migrate(db), instance)));
    if (backend === 'postgres') await Promise.all(instances.map((instance) => instance.close()));
    // Of two histories, either may be brought up to date by another instance.
    expect(ran.flat().toSorted()).toEqual(Object.keys(migrations));
    expect(await tables()).toEqual(TABLES);
  });

  it('does nothing the next time', async () => {
    expect(await run(({ db }) => migrate(db))).toEqual([]);
  });

  it('loads the sample book once, by four at the same time and again later', async () => {
    const whole = { books: 1, chapters: mandarinCourse.chapters.length, passages: PASSAGES };
    const instances = backend === 'postgres' ? await Promise.all(Array.from({ length: 4 }, () => scratch.open())) : [open, open];
    await Promise.all(instances.map((instance) => run(({ db }) => loadSampleBook(db, mandarinCourse), instance)));
    if (backend === 'postgres') await Promise.all(instances.map((instance) => instance.close()));
    expect(await content()).toEqual(whole);
    await run(({ db }) => loadSampleBook(db, mandarinCourse));
    expect(await content()).toEqual(whole);
  });

  it('leaves alone what has become of the sample book since', async () => {
    await run(({ db }) => db.updateTable('passages').set({ embedding_model: 'offline' }).where('ordinal', '=', 0).execute());
    await run(({ db }) => loadSampleBook(db, mandarinCourse));
    const rows = await run(({ db }) => db.selectFrom('passages').select('id').where('embedding_model', '=', 'offline').execute());
    expect(rows).toHaveLength(mandarinCourse.chapters.length);
  });

  it('keeps the passages in the order of the book', async () => {
    const [chapter] = mandarinCourse.chapters;
    const rows = await run(({ db }) =>
      db.selectFrom('passages').select('title').where('chapter_id', '=', chapter!.id).orderBy('ordinal').execute(),
    );
    expect(rows.map(({ title }) => title)).toEqual(chapter!.passages.map(({ title }) => title));
  });
});

describe('A schema that cannot be brought up to date', () => {
  let lite: PGlite;
  let pool: pg.Pool;

  afterEach(async () => {
    await pool.end();
    await lite.close();
  });

  async function embedded(): Promise<() => Promise<readonly string[]>> {
    lite = await PGlite.create('memory://');
    pool = new pg.Pool({ ...(createPgConfig(lite) as pg.PoolConfig), max: 1 });
    const connection: Connection = {
      kind: 'embedded',
      description: 'without pgvector',
      pool,
      reserved: pool,
      heartbeat: pool,
      listen: () => Promise.reject(new Error('Nobody listens here.')),
      close: () => Promise.resolve(),
    };
    const context = new AbortContext();
    const db = new Database(connection, { context, observer: new SilentQueryObserver() });
    return () => context.detached('bringing the schema up to date in a test', () => migrate(db));
  }

  it('without pgvector says what to install, in one line', async () => {
    const start = await embedded();
    const error = await start().catch((caught: unknown) => caught as Error);
    expect(error).toBeInstanceOf(DatabaseStartError);
    expect((error as Error).message).toMatch(
      /^The schema could not be brought up to date: [^\n]*vector[^\n]* \(install pgvector on the server\)$/,
    );
  });

  it('leaves nothing of itself behind, so that the next start can try again', async () => {
    const start = await embedded();
    await expect(start()).rejects.toBeInstanceOf(DatabaseStartError);
    await expect(start()).rejects.toBeInstanceOf(DatabaseStartError);
    const { rows } = await pool.query(`select 1 from information_schema.tables where table_name = 'books'`);
    expect(rows).toEqual([]);
  });
});
