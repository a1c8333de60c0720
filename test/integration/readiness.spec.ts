import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Tasks } from '../../src/tasks/index.js';
import { eventually, SocketClient, type Answer } from '../../src/testing/index.js';
import { createScratchDatabase, runsPostgres } from '../support/backends.js';
import { startTestApp, type TestApp, type TestAppOptions } from '../support/test-app.js';

const QUIZ = { book_id: 1, chapter_id: 101, exercise_type: 'vocabulary', question_count: 1 };
const REDIS_URL = process.env.TEST_REDIS_URL ?? 'redis://127.0.0.1:6379';

let app: TestApp;
let client: SocketClient;

async function start(options: TestAppOptions = {}): Promise<void> {
  app = await startTestApp(options);
  client = new SocketClient(app.url);
}

afterEach(async () => {
  client.close();
  await app.close();
});

async function ready(): Promise<Answer> {
  return (await client.get('/ready').answer)!;
}

describe('readiness', () => {
  it('names each component, and what the app runs on', async () => {
    await start({ backend: 'embedded' });
    const answer = await ready();
    expect(answer.status).toBe(200);
    expect(answer.json()).toEqual({
      status: 'ok',
      draining: false,
      database: { status: 'ok', what: expect.stringMatching(/^embedded PostgreSQL \(PGlite\) in /) },
      bus: { status: 'ok', what: 'within this process', kind: 'in-process', state: 'up' },
      model: { status: 'ok', what: expect.stringMatching(/^openai:gpt-4o-mini at 127\.0\.0\.1:/) },
    });
  });

  it('is gone while the app drains, and liveness is not', async () => {
    await start();
    await app.app.get(Tasks).drain(new AbortController().signal);
    const answer = await ready();
    expect(answer.status).toBe(503);
    expect(answer.json()).toMatchObject({ status: 'draining', draining: true, database: { status: 'ok' } });
    expect((await client.get('/health').answer)!.json()).toEqual({ status: 'ok' });
  });

  it('is not gone with Redis: the bus is named as degraded, and quizzes are made', async () => {
    await start({ env: { REDIS_URL: `redis://127.0.0.1:${await freePort()}` } });
    await eventually(async () => (await ready()).json<{ bus: { state: string } }>().bus.state === 'down');
    const answer = await ready();
    expect(answer.status).toBe(200);
    const what = 'Redis Pub/Sub: not reachable, cancels arrive with the next heartbeat';
    expect(answer.json()).toMatchObject({ status: 'ok', bus: { status: 'degraded', what, kind: 'redis', state: 'down' } });
    const learner = await app.client();
    expect((await learner.post('/api/quizzes/generate', QUIZ).answer)!.status).toBe(200);
  });
});

const withServices = runsPostgres ? describe : describe.skip;

withServices('readiness on servers', () => {
  it('says by which bus cancels travel, and that it is up', async () => {
    await start({ backend: 'postgres' });
    await eventually(async () => (await ready()).json<{ bus: { state: string } }>().bus.state === 'up');
    const bus = { status: 'ok', what: 'PostgreSQL LISTEN/NOTIFY', kind: 'postgres', state: 'up' };
    expect((await ready()).json()).toMatchObject({ status: 'ok', database: { what: expect.stringMatching(/^PostgreSQL at /) }, bus });
    await app.close();
    client.close();
    await start({ backend: 'postgres', env: { REDIS_URL } });
    await eventually(async () => (await ready()).json<{ bus: { state: string } }>().bus.state === 'up');
    expect((await ready()).json()).toMatchObject({ bus: { status: 'ok', what: 'Redis Pub/Sub', kind: 'redis', state: 'up' } });
  });

  it('is gone with the database, whose name is told and whose password is not', async () => {
    const scratch = await createScratchDatabase();
    const url = new URL(scratch.url);
    url.password = 'hunter2';
    await start({ env: { DATABASE_URL: url.href } });
    expect((await ready()).status).toBe(200);
    await scratch.drop();
    const answer = await ready();
    expect(answer.status).toBe(503);
    expect(answer.json()).toMatchObject({ status: 'down', draining: false, database: { status: 'down' } });
    expect(answer.text).toContain(url.pathname);
    expect(answer.text).not.toContain('hunter2');
    expect((await client.get('/health').answer)!.status).toBe(200);
  });
});

/** A port that nobody listens on: it was given out a moment ago and handed back. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
