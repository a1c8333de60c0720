import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AbortStats } from '../../src/abort/index.js';
import { Database } from '../../src/database/index.js';
import { disconnectAt, eventually, expectNoGrowth, expectNoWorkAfter, type SocketClient } from '../../src/testing/index.js';
import { backends, type Backend } from '../support/backends.js';
import { LedgerReader } from '../support/ledger.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const QUIZ = { book_id: 1, chapter_id: 104, exercise_type: 'vocabulary', question_count: 2 };
const ENDED = '[QuizService] Quiz generation cancelled by client disconnect (chapter=104 user=learner)';
const PURPOSES = ['embeddings', 'quiz', 'quiz_evaluation'];
const ROUNDS = 8;
/** What the pools may open while others use them too, the queue of jobs for one. Far fewer than there are requests, each of which might leak. */
const POOLED: Readonly<Record<Backend, number>> = { postgres: 8, embedded: 0 };

describe.each(backends)('what is left after many quizzes, half of them hung up, on %s', (backend: Backend) => {
  let app: TestApp;
  let client: SocketClient;

  beforeAll(async () => {
    app = await startTestApp({ backend, env: { DATABASE_POOL_SIZE: '4' } });
    client = await app.client();
  }, 60_000);
  afterAll(() => app.close());

  async function finish(): Promise<void> {
    expect((await client.post('/api/quizzes/generate', QUIZ).answer)?.status).toBe(200);
  }

  async function hangUp(purpose: string): Promise<void> {
    app.reset();
    const disconnect = await disconnectAt(app.model, { call: purpose }, () => client.post('/api/quizzes/generate', QUIZ));
    await expectNoWorkAfter(disconnect, { settled: () => app.logs.messages.includes(ENDED) });
  }

  async function round(): Promise<void> {
    for (const purpose of PURPOSES) {
      await hangUp(purpose);
      await finish();
    }
  }

  it('no timer, no socket, no connection out of the pool, no open row in the ledger, no zombie', async () => {
    const { pool } = app.app.get(Database).source;
    // The pool of the model's client may have opened one more.
    await expectNoGrowth(round, { rounds: ROUNDS, slack: { TCPSocketWrap: 1 + POOLED[backend] } });
    // The queue of jobs looks into the database over the same pool, now and then.
    await eventually(() => pool.idleCount === pool.totalCount && pool.waitingCount === 0, { message: 'every connection back in the pool' });
    expect(await LedgerReader.of(app).open()).toEqual([]);
    expect(app.app.get(AbortStats).zombies).toBe(0);
  });
});
