import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { backends, type Backend } from '../../test/support/backends.js';
import { rowsOf } from '../../test/support/rows.js';
import { startTestApp, type TestApp } from '../../test/support/test-app.js';
import { AbortContext } from '../abort/index.js';
import { ContentRepository, type Passage, type PassageSearch } from './content.repository.js';

const MODEL = 'text-embedding-3-small';

describe.each(backends)('the passages, on %s', (backend: Backend) => {
  let app: TestApp;
  let content: ContentRepository;
  let chapter: readonly { id: number; skill: string; embedding: string }[];

  beforeAll(async () => {
    app = await startTestApp({ backend });
    content = app.app.get(ContentRepository, { strict: false });
    chapter = await rowsOf(app, 'select id, skill, embedding::text from passages where chapter_id = 101 order by ordinal');
  }, 60_000);
  beforeEach(() => app.reset());
  afterAll(() => app.close());

  const detached = <T>(work: () => Promise<T>): Promise<T> => app.app.get(AbortContext).detached('a test', work);
  const vectorOf = (index: number): number[] => JSON.parse(chapter[index]!.embedding) as number[];
  const search = (over: Partial<PassageSearch> = {}): Promise<Passage[]> =>
    detached(() => content.search({ within: { chapterId: 101 }, model: MODEL, vector: vectorOf(0), weakSkills: [], limit: 8, ...over }));
  const ids = (passages: readonly Passage[]): number[] => passages.map(({ id }) => id);

  it('are all embedded before the first request', async () => {
    const models = await rowsOf(app, 'select embedding_model, count(*)::int as count from passages group by 1');
    expect(models).toEqual([{ embedding_model: MODEL, count: 50 }]);
  });

  it.each([0, 4, 9])('are found nearest first: passage %i by its own vector', async (index) => {
    const found = await search({ vector: vectorOf(index) });
    expect(found[0]?.id).toBe(chapter[index]!.id);
    const distances = await rowsOf<{ id: number }>(
      app,
      `select id from passages where chapter_id = 101 order by embedding <=> '${chapter[index]!.embedding}' limit 8`,
    );
    expect(ids(found)).toEqual(distances.map(({ id }) => id));
  });

  it('are of the chapter asked for, and no more than asked for', async () => {
    const found = await search({ within: { chapterId: 103 }, limit: 3 });
    const there = await rowsOf<{ id: number }>(app, 'select id from passages where chapter_id = 103');
    expect(found).toHaveLength(3);
    expect(there.map(({ id }) => id)).toEqual(expect.arrayContaining(ids(found)));
  });

  it('are of all chapters of the book asked for, the nearest first', async () => {
    const found = await search({ within: { bookId: 1 }, limit: 20 });
    const distances = await rowsOf<{ id: number }>(
      app,
      `select id from passages order by embedding <=> '${chapter[0]!.embedding}' limit 20`,
    );
    expect(ids(found)).toEqual(distances.map(({ id }) => id));
    expect(await search({ within: { bookId: 2 } })).toEqual([]);
  });

  it('of a book come in reading order, chapter after chapter, where the model has not embedded them yet', async () => {
    const inOrder = await rowsOf<{ id: number }>(app, 'select id from passages order by chapter_id, ordinal limit 12');
    expect(ids(await search({ within: { bookId: 1 }, model: 'a-new-model', limit: 12 }))).toEqual(ids(inOrder as Passage[]));
  });

  it('are found in full also where a hundred of another chapter are nearer', async () => {
    const nearer = `select 102, 1000 + n, 'grammar', 'x', 'x', 'x', '${chapter[4]!.embedding}'::vector, '${MODEL}' from generate_series(1, 100) as n`;
    await rowsOf(app, `insert into passages (chapter_id, ordinal, kind, skill, title, text, embedding, embedding_model) ${nearer}`);
    expect(await search({ vector: vectorOf(4), limit: 10 })).toHaveLength(10);
    await rowsOf(app, 'delete from passages where ordinal >= 1000');
  });

  it('move up when they train a weak skill, all others keeping their order', async () => {
    const before = await search();
    const { skill } = before.at(-1)!;
    const after = await search({ weakSkills: [skill, 'a skill of another chapter'] });
    const rankOf = (found: readonly Passage[]) => found.findIndex((each) => each.skill === skill);
    expect(rankOf(after)).toBeLessThan(rankOf(before));
    const others = (found: readonly Passage[]) => ids(found.filter((each) => each.skill !== skill));
    expect(others(before)).toEqual(expect.arrayContaining(others(after)));
    expect(others(after)).toEqual(others(before).slice(0, others(after).length));
  });

  it('come in reading order where the model has not embedded them yet', async () => {
    expect(ids(await search({ model: 'a-new-model', limit: 10 }))).toEqual(chapter.map(({ id }) => id));
  });

  it.each([
    [2000, 'vector', 'vector_cosine_ops'],
    [2001, 'halfvec', 'halfvec_cosine_ops'],
    [4000, 'halfvec', 'halfvec_cosine_ops'],
  ])('are indexed and found with vectors of %i numbers, as %s', async (dimensions, type, operators) => {
    const model = `model-of-${dimensions}`;
    const unit = (at: number): number[] => Array.from({ length: dimensions }, (_, index) => (index === at ? 1 : 0));
    const saved = await rowsOf<{ id: number }>(app, 'select id from passages where chapter_id = 105 order by ordinal');
    await detached(() =>
      content.saveEmbeddings(
        model,
        saved.map(({ id }, at) => ({ id, vector: unit(at) })),
      ),
    );
    await detached(() => content.ensureIndex(model, dimensions));
    const [index] = await rowsOf<{ indexdef: string }>(
      app,
      `select indexdef from pg_indexes where indexname like 'passages_hnsw_model_of_${dimensions}%'`,
    );
    expect(index?.indexdef).toContain(`USING hnsw (((embedding)::${type}(${dimensions})) ${operators})`);
    expect((await search({ within: { chapterId: 105 }, model, vector: unit(3) }))[0]?.id).toBe(saved[3]!.id);
  });

  it('are found without an index with vectors that are too long for any', async () => {
    const vector = Array.from({ length: 4001 }, (_, index) => (index === 7 ? 1 : 0.001));
    const [passage] = await rowsOf<{ id: number }>(app, 'select id from passages where chapter_id = 104 order by ordinal limit 1');
    await detached(() => content.saveEmbeddings('huge', [{ id: passage!.id, vector }]));
    await detached(() => content.ensureIndex('huge', vector.length));
    expect(await rowsOf(app, `select 1 from pg_indexes where indexname like '%huge%'`)).toEqual([]);
    expect(ids(await search({ within: { chapterId: 104 }, model: 'huge', vector }))).toEqual([passage!.id]);
  });

  it('have one index for each model, however often and from wherever it is made sure of', async () => {
    await Promise.all([1, 2, 3].map(() => detached(() => content.ensureIndex(MODEL, 256))));
    const found = await rowsOf<{ indexdef: string }>(
      app,
      `select indexdef from pg_indexes where indexname like 'passages_hnsw_text_embedding%'`,
    );
    expect(found).toEqual([{ indexdef: expect.stringContaining(`WHERE (embedding_model = '${MODEL}'::text)`) }]);
  });

  it('keep their vectors, whatever the name of the model', async () => {
    const model = `o'brien"; drop table passages; --`;
    const [passage] = await rowsOf<{ id: number }>(app, 'select id from passages where chapter_id = 104 order by ordinal limit 1');
    await detached(() => content.saveEmbeddings(model, [{ id: passage!.id, vector: vectorOf(0) }]));
    await detached(() => content.ensureIndex(model, 256));
    expect(ids(await search({ within: { chapterId: 104 }, model }))).toEqual([passage!.id]);
  });

  const usesTheIndex = async (): Promise<void> => {
    await search();
    const { sql } = app.queries.reports.findLast((report) => report.sql.includes('<=>'))!;
    const client = new pg.Client({ connectionString: app.databaseUrl });
    await client.connect();
    await client.query('set enable_seqscan = off; set enable_sort = off; set enable_bitmapscan = off');
    const vector = JSON.stringify(vectorOf(0));
    const { rows } = await client.query<{ 'QUERY PLAN': string }>(`explain ${sql}`, [vector, 101, MODEL, vector, 24, [], 0.15, 8]);
    await client.end();
    expect(rows.map((row) => row['QUERY PLAN']).join('\n')).toMatch(
      /Index Scan using passages_hnsw_text_embedding_3_small_256 on passages/,
    );
  };
  // The embedded database has no connection to set a planner's switches on beside the app's own.
  if (backend === 'postgres') it('are searched through the HNSW index of their model', usesTheIndex);
});
