import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { backends, createScratchDatabase, type Backend } from '../../test/support/backends.js';
import { Learner } from '../../test/support/quiz-client.js';
import { materialsOf } from '../../test/support/quiz-model.js';
import { rowsOf } from '../../test/support/rows.js';
import { startTestApp, type TestApp } from '../../test/support/test-app.js';
import { ScriptedModelServer } from '../testing/index.js';

/** Where a database outlives the apps that are started on it. */
async function lastingDatabase(backend: Backend): Promise<{ env: Record<string, string>; drop: () => Promise<void> }> {
  if (backend === 'postgres') {
    const { url, drop } = await createScratchDatabase();
    return { env: { DATABASE_URL: url }, drop };
  }
  const folder = await mkdtemp(join(tmpdir(), 'hangup-index-'));
  return { env: { DATA_DIR: folder }, drop: () => rm(folder, { recursive: true }) };
}

/** Each test is a start of its own, the first of them on an empty database. */
jest.setTimeout(120_000);

describe.each(backends)('the index of passages, on %s', (backend: Backend) => {
  let database: Awaited<ReturnType<typeof lastingDatabase>>;
  let app: TestApp | undefined;

  beforeAll(async () => {
    database = await lastingDatabase(backend);
  });
  afterEach(() => app?.close());
  afterAll(() => database.drop());

  const start = async (env: Record<string, string>): Promise<TestApp> =>
    (app = await startTestApp({ backend, isFirstStart: true, env: { ...database.env, ...env } }));
  const models = (running: TestApp) =>
    rowsOf(running, 'select embedding_model, count(*)::int as count from passages group by 1 order by 1');
  /** What was paid for embedding passages, in all starts so far. */
  const booked = (running: TestApp) =>
    rowsOf(running, `select model, count(*)::int as calls from llm_calls where stage = 'embed_passages' group by 1 order by 1`);
  const indexes = async (running: TestApp): Promise<string[]> => {
    const rows = await rowsOf<{ indexname: string }>(
      running,
      `select indexname from pg_indexes where indexname like 'passages_hnsw%' order by 1`,
    );
    return rows.map(({ indexname }) => indexname);
  };

  it('is made at the first start, at once for all passages', async () => {
    const first = await start({ EMBEDDING_MODEL: 'model-a' });
    expect(await models(first)).toEqual([{ embedding_model: 'model-a', count: 50 }]);
    expect(await booked(first)).toEqual([{ model: 'model-a', calls: 1 }]);
    expect(await indexes(first)).toEqual(['passages_hnsw_model_a_256']);
  });

  it('is left as it is at the next start', async () => {
    const second = await start({ EMBEDDING_MODEL: 'model-a' });
    expect(await booked(second)).toEqual([{ model: 'model-a', calls: 1 }]);
  });

  it('is made anew when the embedding model is another one, and serves quizzes with it', async () => {
    const third = await start({ EMBEDDING_MODEL: 'model-b' });
    expect(await models(third)).toEqual([{ embedding_model: 'model-b', count: 50 }]);
    expect(await booked(third)).toEqual([
      { model: 'model-a', calls: 1 },
      { model: 'model-b', calls: 1 },
    ]);
    expect(await indexes(third)).toEqual(['passages_hnsw_model_a_256', 'passages_hnsw_model_b_256']);
    await new Learner(await third.client()).makeQuiz({ question_count: 1 });
    expect(third.model.journal[0]).toMatchObject({ kind: 'embeddings', model: 'model-b' });
  });
});

describe('the index of passages, while the model does not answer', () => {
  let model: ScriptedModelServer;
  let app: TestApp;

  beforeAll(async () => {
    model = await ScriptedModelServer.start();
    model.script('embeddings', { status: 400, body: { error: { message: 'no such model' } } });
    app = await startTestApp({ isFirstStart: true, env: { OPENAI_BASE_URL: model.baseUrl } });
  }, 60_000);
  afterAll(() => model.stop());

  it('does not keep the server from starting: quizzes are made of passages in reading order', async () => {
    model.reset();
    await new Learner(await app.client()).makeQuiz({ question_count: 1 });
    const inOrder = await rowsOf<{ id: number }>(app, 'select id from passages where chapter_id = 101 order by ordinal limit 8');
    expect(materialsOf(model.journal, 'quiz')[0]!.passages.map(({ id }) => id)).toEqual(inOrder.map(({ id }) => id));
    expect(await rowsOf(app, 'select 1 from passages where embedding_model is not null')).toEqual([]);
  });

  it('is not waited for at the end', async () => {
    const before = performance.now();
    await app.close();
    expect(performance.now() - before).toBeLessThan(20_000);
    expect(app.logs.at('error')).toEqual([]);
  });
});
