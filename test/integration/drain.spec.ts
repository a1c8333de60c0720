import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, Gate, SocketClient, ScriptedModelServer, type Answer } from '../../src/testing/index.js';
import { createScratchDatabase, runsPostgres, type ScratchDatabase } from '../support/backends.js';
import { BuiltApp, type RunningApp } from '../support/built-app.js';
import { DatabaseWatch } from '../support/locks.js';

const QUIZ = { book_id: 1, chapter_id: 101, exercise_type: 'mixed', question_count: 2 };
const TASK = '3f0c6a52-7d0e-4a94-9d3e-4a7f5d6b0c11';
/** Longer than any test: whoever waits for it has waited for nothing. */
const NEVER = '600000';

const onPostgres = runsPostgres ? describe : describe.skip;

onPostgres('a program that is told to leave', () => {
  let built: BuiltApp;
  let model: ScriptedModelServer;
  let database: ScratchDatabase;
  let watch: DatabaseWatch;
  let run: RunningApp;
  let url: string;
  let token: string;
  let client: SocketClient;

  beforeAll(async () => {
    [built, model] = await Promise.all([BuiltApp.build(), ScriptedModelServer.start()]);
  }, 60_000);
  afterAll(async () => {
    await built.remove();
    await model.stop();
  });
  beforeEach(async () => {
    database = await createScratchDatabase();
    watch = await DatabaseWatch.open(database.url);
  });
  afterEach(async () => {
    client.close();
    model.reset();
    await run.stop('SIGKILL');
    await watch.close();
    await database.drop();
  });

  async function start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const services = { DATABASE_URL: database.url, OPENAI_API_KEY: 'sk-test', OPENAI_BASE_URL: model.baseUrl };
    run = built.start({ PORT: '0', DRAIN_TIMEOUT_MS: NEVER, ...services, ...env });
    [, url = ''] = await run.says(/Hangup is up at (http:\/\/127\.0\.0\.1:[1-9]\d*) /);
    [, token = ''] = await run.says(/Bearer (ey\S+?)"/);
    client = new SocketClient(url, { authorization: `Bearer ${token}` });
    model.reset();
  }

  /** Sends the signal, and waits until the program has heard it. */
  async function leave(): Promise<{ readonly exit: Promise<number | null> }> {
    const exit = run.stop('SIGTERM');
    await run.says(/\[Drain\] Taking no more work/);
    return { exit };
  }

  function generate(): { readonly answer: Promise<Answer | undefined> } {
    return client.post('/api/quizzes/generate', QUIZ, { 'x-task-id': TASK });
  }

  const taskRow = async () => (await watch.rows('select * from tasks where id = $1', [TASK]))[0];
  const openCalls = () => watch.rows(`select * from llm_calls where outcome = 'open'`);

  it('lets a quiz finish, and takes no more work meanwhile: its own probe says so', async () => {
    await start();
    const gate = new Gate();
    model.script('quiz', { hold: gate });
    const quiz = generate();
    await model.called('quiz');
    const { exit } = await leave();

    const refused = await client.post('/api/quizzes/generate', QUIZ).answer;
    expect(refused).toMatchObject({ status: 503, headers: { 'retry-after': '1', connection: 'close' } });
    expect(refused!.json()).toMatchObject({ status: 503, code: 'draining' });
    const ready = await client.get('/ready').answer;
    expect(ready!.status).toBe(503);
    expect(ready!.json()).toMatchObject({ status: 'draining', draining: true, database: { status: 'ok' } });
    expect((await client.get('/health').answer)!.status).toBe(200);
    expect((await client.get(`/api/tasks/${TASK}`).answer)!.json()).toMatchObject({ state: 'running' });

    gate.open();
    const answer = await quiz.answer;
    expect(answer!.status).toBe(200);
    expect(answer!.json()).toMatchObject({ task_id: TASK, quiz: { questions: [{}, {}] } });
    expect(await exit).toBe(0);
    expect(await taskRow()).toMatchObject({ state: 'completed' });
    expect(await openCalls()).toEqual([]);
    expect(model.journal.filter(({ purpose }) => purpose === 'embeddings')).toHaveLength(1);
  });

  it('aborts what is not done in time, tells its client to come again, and has booked all of it when it ends', async () => {
    await start({ DRAIN_TIMEOUT_MS: '300' });
    model.script('quiz', { holdAfter: 5, gate: new Gate() });
    const quiz = generate();
    const call = await model.called('quiz');
    await model.sent(call, 5);
    const { exit } = await leave();
    void run.stop('SIGTERM');

    const answer = await quiz.answer;
    expect(answer).toMatchObject({
      status: 503,
      headers: { 'retry-after': '1', 'content-type': expect.stringMatching(/^application\/problem\+json/) },
    });
    expect(answer!.json()).toMatchObject({ status: 503, code: 'draining' });
    expect(await exit).toBe(0);
    expect((await model.ended(call)).outcome).toBe('client_closed');
    expect(await taskRow()).toMatchObject({
      state: 'cancelled',
      cancel: { cause: 'drain' },
      receipt: { stopped_at: expect.any(String), stage: 'generate_quiz', calls_avoided: 1, zombies: [], confirmed: true },
    });
    const [row] = await watch.rows(`select * from llm_calls where task_id = $1 and stage = 'generate_quiz'`, [TASK]);
    expect(row).toMatchObject({ outcome: 'aborted', is_exact: false });
    expect(Number(row!.prompt_tokens)).toBeGreaterThan(100);
    expect(Number(row!.completion_tokens)).toBeGreaterThan(0);
    expect(await openCalls()).toEqual([]);
    await run.says(/\[Drain\] Time is up, aborting 1 tasks/);
    await run.says(/\[Drain\] Done after/);
    expect(run.stdout).not.toMatch(/"level":"(warn|error)"(?!.*\[http\] 503)/);
  });

  it('serves cancels to the last: the cancel is answered with the receipt, and with the last task the program ends', async () => {
    await start();
    model.script('quiz', { hold: new Gate() });
    const quiz = generate();
    await model.called('quiz');
    const { exit } = await leave();
    const cancelled = await client.post(`/api/tasks/${TASK}/cancel`, { reason: 'enough' }).answer;
    expect(cancelled!.status).toBe(200);
    expect(cancelled!.json()).toMatchObject({ status: 'cancelled', reason: 'enough', receipt: { stage: 'generate_quiz' } });
    expect((await quiz.answer)!.json()).toMatchObject({ status: 409, code: 'task_cancelled' });
    expect(await exit).toBe(0);
    expect(await taskRow()).toMatchObject({ state: 'cancelled', cancel: { cause: 'user' } });
    expect(await openCalls()).toEqual([]);
  });

  it('goes on renewing the leases of what it still works on', async () => {
    await start({ LEASE_HEARTBEAT_MS: '50', LEASE_MS: '1500' });
    const gate = new Gate();
    model.script('quiz', { hold: gate });
    const quiz = generate();
    await model.called('quiz');
    const { exit } = await leave();
    const { lease_until: first } = (await taskRow())!;
    await eventually(async () => Number((await taskRow())!.lease_until) - Number(first) > 3000, {
      timeoutMs: 15_000,
      message: 'the lease renewed twice over',
    });
    gate.open();
    expect((await quiz.answer)!.status).toBe(200);
    expect(await exit).toBe(0);
  });

  it('is not held up by connections on which nothing is asked', async () => {
    await start();
    expect((await client.get('/api/books').answer)!.status).toBe(200);
    const silent = await rawConnection();
    const { exit } = await leave();
    expect(await exit).toBe(0);
    silent.destroy();
  });

  it('waits for a read that takes its time, and meanwhile refuses connections, so that clients ask elsewhere at once', async () => {
    await start();
    await watch.lock('quizzes');
    const listing = client.get('/api/quizzes');
    await watch.waiting();
    const { exit } = await leave();
    await eventually(() => expect(rawConnection()).rejects.toMatchObject({ code: 'ECONNREFUSED' }));
    await watch.unlock();
    expect((await listing.answer)!.status).toBe(200);
    expect(await exit).toBe(0);
  });

  it('does not wait for ever: a read that never ends is cut, on the server too', async () => {
    await start({ DRAIN_TIMEOUT_MS: '100' });
    await watch.lock('quizzes');
    const listing = client.get('/api/quizzes').answer.catch((error: unknown) => error);
    await watch.waiting();
    const { exit } = await leave();
    expect(await exit).toBe(0);
    expect(await listing).toMatchObject({ code: 'ECONNRESET' });
    await run.says(/\[Drain\] Leaving after \d+ ms with 0 tasks and 1 requests cut/);
    expect(await watch.activity()).toEqual([]);
    await watch.unlock();
  });

  it('sees an answer out that its client is slow to read', async () => {
    await start();
    const id = await storeLongQuiz(32 * 1024 * 1024);
    const reader = await rawConnection();
    reader.write(`GET /api/quizzes/${id} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${token}\r\n\r\n`);
    const received: Buffer[] = [(await once(reader, 'data'))[0] as Buffer];
    reader.pause();
    const { exit } = await leave();
    reader.on('data', (data: Buffer) => received.push(data)).resume();
    await once(reader, 'close');
    const [head = '', body = ''] = Buffer.concat(received).toString().split('\r\n\r\n');
    expect(Buffer.byteLength(body)).toBe(Number(/content-length: (\d+)/i.exec(head)?.[1]));
    expect(await exit).toBe(0);
  });

  async function rawConnection(): Promise<Socket> {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname);
    await once(socket, 'connect');
    return socket;
  }

  /** An answer that no socket buffer can hold. */
  async function storeLongQuiz(bytes: number): Promise<string> {
    const answer = await generate().answer;
    const { quiz } = answer!.json<{ quiz: { id: string } }>();
    await watch.rows(`update questions set prompt = repeat('x', $2) where quiz_id = $1`, [quiz.id, bytes]);
    return quiz.id;
  }
});
