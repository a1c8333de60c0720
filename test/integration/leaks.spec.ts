import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AbortStats } from '../../src/abort/index.js';
import { Database } from '../../src/database/index.js';
import { eventually, Gate, type SocketClient } from '../../src/testing/index.js';
import { backends, type Backend } from '../support/backends.js';
import { LedgerReader } from '../support/ledger.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const QUIZ = { book_id: 1, chapter_id: 104, exercise_type: 'vocabulary', question_count: 2 };
const ENDED = '[QuizService] Quiz generation cancelled by client disconnect (chapter=104 user=learner)';
const PURPOSES = ['embeddings', 'quiz', 'quiz_evaluation'];

describe.each(backends)('what is left after many quizzes, half of them hung up, on %s', (backend: Backend) => {
  let app: TestApp;
  let client: SocketClient;

  beforeAll(async () => {
    app = await startTestApp({ backend });
    client = await app.client();
  }, 60_000);
  afterAll(() => app.close());

  async function finish(): Promise<void> {
    expect((await client.post('/api/quizzes/generate', QUIZ).answer)?.status).toBe(200);
  }

  async function hangUp(purpose: string): Promise<void> {
    app.reset();
    app.model.script(purpose, { hold: new Gate() }, { times: 1 });
    const call = client.post('/api/quizzes/generate', QUIZ);
    const upstream = await app.model.called(purpose);
    await call.hangUp();
    await app.model.ended(upstream);
    await eventually(() => app.logs.messages.includes(ENDED));
  }

  async function round(): Promise<void> {
    for (const purpose of PURPOSES) {
      await hangUp(purpose);
      await finish();
    }
  }

  const resources = (kind: string): number => process.getActiveResourcesInfo().filter((each) => each === kind).length;

  it('no timer, no socket, no connection out of the pool, no open row in the ledger, no zombie', async () => {
    await round();
    const timers = resources('Timeout');
    const sockets = resources('TCPSocketWrap');
    for (let i = 0; i < 8; i += 1) await round();
    await eventually(() => resources('Timeout') <= timers, { message: `${timers} timers again` });
    await eventually(() => resources('TCPSocketWrap') <= sockets + 1, { message: `${sockets} sockets again` });
    const { pool } = app.app.get(Database).source;
    // The queue of jobs looks into the database over the same pool, now and then.
    await eventually(() => pool.idleCount === pool.totalCount && pool.waitingCount === 0, { message: 'every connection back in the pool' });
    expect(await LedgerReader.of(app).open()).toEqual([]);
    expect(app.app.get(AbortStats).zombies).toBe(0);
  });
});
