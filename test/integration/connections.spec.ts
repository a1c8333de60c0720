import { connect as connectHttp2, type ClientHttp2Session } from 'node:http2';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AbortContext, AbortStats } from '../../src/abort/index.js';
import { Database } from '../../src/database/index.js';
import { RetrieveContentNode } from '../../src/quizzes/nodes/retrieve-content.node.js';
import type { Receipt } from '../../src/tasks/index.js';
import { eventually, Gate, type SocketClient } from '../../src/testing/index.js';
import { runsPostgres } from '../support/backends.js';
import { LedgerReader } from '../support/ledger.js';
import { DatabaseWatch } from '../support/locks.js';
import { holdAfter } from '../support/moments.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const QUIZ = { book_id: 1, chapter_id: 102, exercise_type: 'mixed', question_count: 2 };
const CANCELLED = '[QuizService] Quiz generation cancelled by client disconnect (chapter=102 user=learner)';
const count = (app: TestApp, msg: string) => app.logs.messages.filter((each) => each === msg).length;

describe('connections', () => {
  let app: TestApp;
  let client: SocketClient;

  beforeAll(async () => {
    app = await startTestApp({ backend: runsPostgres ? 'postgres' : 'embedded' });
    client = await app.client();
  }, 60_000);
  afterEach(() => {
    jest.restoreAllMocks();
    app.reset();
  });
  afterAll(() => app.close());

  it('a connection kept alive serves whole quizzes after another one was hung up', async () => {
    for (let round = 0; round < 3; round += 1) {
      const gate = new Gate();
      app.model.script('quiz', { hold: gate }, { times: 1 });
      const doomed = client.post('/api/quizzes/generate', QUIZ);
      await app.model.called('quiz');
      await doomed.hangUp();
      await eventually(() => count(app, CANCELLED) === 1);
      expect((await client.post('/api/quizzes/generate', QUIZ).answer)?.status).toBe(200);
      expect((await client.post('/api/quizzes/generate', QUIZ).answer)?.status).toBe(200);
      expect(count(app, CANCELLED)).toBe(1);
      app.reset();
    }
  });

  it('of two requests at once one dies and the other one is answered', async () => {
    const gate = new Gate();
    app.model.script('quiz', { hold: gate });
    const other = await app.client('other');
    const doomed = client.post('/api/quizzes/generate', QUIZ);
    const doomedCall = await app.model.called('quiz', 1);
    const living = other.post('/api/quizzes/generate', QUIZ);
    const livingCall = await app.model.called('quiz', 2);
    await doomed.hangUp();
    expect((await app.model.ended(doomedCall)).outcome).toBe('client_closed');
    expect(livingCall.outcome).toBeUndefined();
    gate.open();
    expect((await living.answer)?.status).toBe(200);
    await eventually(() => count(app, CANCELLED) === 1);
  });

  it('a client that leaves in the same tick as its answer aborts nothing: the quiz was stored and stays', async () => {
    const leaver = await app.client('leaver');
    const calls = Array.from({ length: 5 }, () => leaver.post('/api/quizzes/generate', QUIZ));
    await Promise.all(calls.map(async (call) => (await call.answer, call.hangUp())));
    const listed = await leaver.get('/api/quizzes').answer;
    expect(listed?.json<{ quizzes: unknown[] }>().quizzes).toHaveLength(5);
    expect(app.logs.messages.filter((msg) => /disconnect/i.test(msg))).toEqual([]);
  });

  it('a client that leaves before its body has arrived starts no work at all', async () => {
    const { port, hostname } = new URL(app.url);
    const socket = connect(Number(port), hostname);
    socket.write(
      'POST /api/quizzes/generate HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 500\r\n\r\n{"book_id":1',
    );
    await eventually(() => socket.bytesWritten > 100);
    socket.destroy();
    await client.get('/api/books').answer;
    expect(app.model.journal).toEqual([]);
    expect(app.logs.at('error')).toEqual([]);
  });

  it('an answered request leaves no open ledger row, no abort and no zombie behind', async () => {
    await client.post('/api/quizzes/generate', QUIZ).answer;
    expect(await LedgerReader.of(app).open()).toEqual([]);
    expect(app.app.get(AbortStats).zombies).toBe(0);
  });

  const onPostgres = (): void => {
    it('twelve requests hung up in their statements leave a pool of four whole', async () => {
      const small = await startTestApp({ backend: 'postgres', env: { DATABASE_POOL_SIZE: '4' } });
      const watch = await DatabaseWatch.open(small.databaseUrl!);
      const patient = await small.client();
      small.reset();
      await watch.lock('question_results');
      const calls = Array.from({ length: 12 }, () => patient.post('/api/quizzes/generate', QUIZ));
      await watch.waiting(4);
      await Promise.all(calls.map((call) => call.hangUp()));
      await eventually(() => count(small, CANCELLED) === 12);
      expect(await watch.activity()).toEqual([]);
      const { pool } = small.app.get(Database).source;
      await eventually(() => pool.idleCount === pool.totalCount && pool.waitingCount === 0, {
        message: 'every connection back in the pool',
      });
      await watch.unlock();
      const answers = await Promise.all(Array.from({ length: 8 }, () => patient.get('/api/books').answer));
      expect(answers.map((answer) => answer?.status)).toEqual(Array(8).fill(200));
      expect(small.model.journal).toEqual([]);
      await watch.close();
      await small.close();
    });
  };
  if (runsPostgres) describe('on PostgreSQL', onPostgres);
});

describe('zombies', () => {
  it('a node that ignores its signal is named, and does not hold the others', async () => {
    const app = await startTestApp({ env: { ZOMBIE_AFTER_MS: '50' } });
    const client = await app.client();
    const { gate } = holdAfter(app.app.get(AbortContext), app.app.get(RetrieveContentNode, { strict: false }), 'run');
    const call = client.post('/api/quizzes/generate', QUIZ);
    await gate.reached;
    await call.hangUp();
    await eventually(() => count(app, CANCELLED) === 1);
    const zombie = '[retrieve_content] Zombie: graph retrieve_content ignores its signal, still running 50 ms after the abort';
    expect(app.logs.lines.find(({ msg }) => msg === zombie)?.level).toBe('warn');
    expect(app.app.get(AbortStats).zombies).toBe(1);
    const { receipt } = app.logs.lines.find(({ msg }) => msg === CANCELLED) as unknown as {
      receipt: Receipt;
    };
    expect(receipt).toMatchObject({
      zombies: ['graph:retrieve_content'],
      stopped_at: null,
      layers: [{ layer: 'graph', stopped_ms: null }],
    });
    gate.open();
    expect(app.model.journal.map(({ purpose }) => purpose)).toEqual(['embeddings']);
    await app.close();
  }, 60_000);
});

describe('HTTP/2', () => {
  let app: TestApp;
  let session: ClientHttp2Session;
  let authorization: string;

  beforeAll(async () => {
    app = await startTestApp({ http2: true });
    session = connectHttp2(app.url);
    const { TokenVerifier } = await import('../../src/auth/index.js');
    authorization = `Bearer ${await app.app.get(TokenVerifier).issue('learner')}`;
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(async () => {
    session.destroy();
    await app.close();
  });

  function post(path: string, body: unknown) {
    const stream = session.request({ ':method': 'POST', ':path': path, authorization, 'content-type': 'application/json' });
    const status = new Promise<number>((resolve) => stream.once('response', (headers) => resolve(Number(headers[':status']))));
    stream.end(JSON.stringify(body));
    return { stream, status };
  }

  it('a reset stream stops its quiz alone: the connection goes on serving the others', async () => {
    const gate = new Gate();
    app.model.script('quiz', { holdAfter: 3, gate });
    const doomed = post('/api/quizzes/generate', QUIZ);
    const call = await app.model.called('quiz', 1);
    await app.model.sent(call, 3);
    const living = post('/api/quizzes/generate', QUIZ);
    await app.model.called('quiz', 2);
    doomed.stream.close(8);
    expect((await app.model.ended(call)).outcome).toBe('client_closed');
    await eventually(() => count(app, CANCELLED) === 1);
    gate.open();
    expect(await living.status).toBe(200);
    expect(JSON.parse(await text(living.stream))).toMatchObject({ quiz: { chapter_id: 102 } });
    expect(count(app, CANCELLED)).toBe(1);
    expect(app.logs.at('error')).toEqual([]);
  });
});
