import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { LiveTasks, Tasks } from '../../src/tasks/index.js';
import { eventually, Gate } from '../../src/testing/index.js';
import { runsPostgres } from '../support/backends.js';
import { EventClient, type HeardStream } from '../support/event-client.js';
import { OwnRedis, REDIS_URL, runsRedis, startsRedis } from '../support/redis.js';
import { holdFrom } from '../support/held-items.js';
import { rowsOf } from '../support/rows.js';
import { ask, registered, smallJobs, type SmallJobs } from '../support/small-jobs.js';
import { QUIZ, TaskClient } from '../support/task-client.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { longText } from '../support/tutor-model.js';

const onTwo = runsPostgres ? describe : describe.skip;
const onOwnRedis = runsPostgres && startsRedis ? describe : describe.skip;

function chat(client: EventClient, id: string, headers: Readonly<Record<string, string>> = {}): HeardStream {
  const body = { content: 'Tell me a story' };
  return client.open(`/api/chat/sessions/${id}/messages`, { method: 'POST', body, headers: { 'x-task-id': id, ...headers } });
}

describe('a client that asks strangely', () => {
  let app: TestApp;
  let phone: EventClient;
  let tasks: TaskClient;

  beforeAll(async () => {
    app = await startTestApp();
    phone = await EventClient.of(app);
    tasks = new TaskClient(await app.client());
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(async () => {
    expect(app.logs.at('error')).toEqual([]);
    await app.close();
  });

  it.each(['1-7', '2-0', '1-999999999', '999999999-999999999'])(
    'for a new task after %s, which it has of another, hears all of the new one',
    async (after) => {
      app.model.script('chat', { text: longText(60) });
      const id = randomUUID();
      const events = await chat(phone, id, { 'last-event-id': after }).heard();
      expect(events.length).toBeGreaterThan(60);
      expect(events.map((event) => event.id)).toEqual([...events.slice(0, -1).map((_, i) => `1-${i + 1}`), '2-0']);
      expect(events.at(-1)!.data).toMatchObject({ state: 'completed' });
    },
  );

  it('for the same task again, while it is streamed, goes on after what it has heard, and holds nothing up', async () => {
    const [id, gate] = [randomUUID(), new Gate()];
    app.model.script('chat', { holdAfter: 40, gate, text: longText(120) });
    const first = chat(phone, id);
    await first.event('text-delta', 40);
    const again = [chat(phone, id, { 'last-event-id': '1-20' }), chat(phone, id, { 'last-event-id': '1-99999' })] as const;
    await again[0].event('text-delta', 20);
    first.hangUp();
    gate.open();
    const all = await phone.follow(id).heard();
    expect(all.at(-1)!.data).toMatchObject({ state: 'completed' });
    expect(await again[0].heard()).toEqual(all.slice(20));
    expect(await again[1].heard()).toEqual(all.slice(-1));
  });

  it('whether there is something to hear, with HEAD, is nobody who waits', async () => {
    const [id, gate] = [randomUUID(), new Gate()];
    app.model.script('quiz', { holdAfter: 5, gate });
    const call = tasks.quiz(id);
    const upstream = await app.model.called('quiz');
    await app.model.sent(upstream, 5);
    for (const query of ['', '?attach=1']) {
      const head = phone.follow(id, { method: 'HEAD', query });
      expect([await head.status(), (await head.headers())['content-type']]).toEqual([200, 'text/event-stream']);
      await head.heard();
    }
    await call.hangUp();
    expect((await app.model.ended(upstream)).outcome).toBe('client_closed');
  });

  it('before there is such a task is told so', async () => {
    expect(await phone.follow(randomUUID(), { query: '?attach=1' }).status()).toBe(404);
  });

  it.each([
    ['TEXT/Event-Stream', 'text/event-stream'],
    ['text/event-stream; q=0.8, application/json;q=0.2', 'text/event-stream'],
    ['application/json, text/event-stream;q=0', 'application/json; charset=utf-8'],
    ['text/event-stream;Q=0.000, */*', 'application/json; charset=utf-8'],
    ['application/json, text/event-stream;q=0.5', 'application/json; charset=utf-8'],
    ['text/event-stream-of-mine', 'application/json; charset=utf-8'],
    ['*/*', 'application/json; charset=utf-8'],
  ])('for %s is answered with %s', async (accept, type) => {
    const stream = phone.quiz(randomUUID(), QUIZ, { accept });
    expect([await stream.status(), (await stream.headers())['content-type']]).toEqual([200, type]);
    stream.hangUp();
    await stream.heard();
  });

  it('and is refused gets a problem by its type too, whatever it accepts', async () => {
    const stream = phone.quiz(randomUUID(), { ...QUIZ, chapter_id: 999 });
    expect([await stream.status(), (await stream.headers())['content-type']]).toEqual([
      404,
      expect.stringContaining('application/problem+json'),
    ]);
  });

  it.each(['a b:c*{}"\\%', 'ü/日本 🏳️‍🌈', 'long'.repeat(50)])('under the name of %s hears its own', async (owner) => {
    const [strange, id] = [await EventClient.of(app, owner), randomUUID()];
    const live = strange.quiz(id, QUIZ);
    await live.heard();
    const late = strange.follow(id);
    await late.heard();
    expect(late.bytes).toBe(live.bytes);
    expect(live.events.at(-1)!.data).toMatchObject({ state: 'completed' });
  });

  it('and leaves at any moment, with any policy, leaves nothing behind', async () => {
    const policies = ['cancel', 'grace=50', 'grace=1', 'cancel'];
    app.model.script('quiz', { stallAfter: 3 });
    const ids = Array.from({ length: 24 }, () => randomUUID());
    await Promise.all(
      ids.map(async (id, i) => {
        const stream = phone.quiz(id, QUIZ, { 'x-on-disconnect': policies[i % policies.length]! });
        // Some before they have sent anything, some before their row is there, some after.
        for (let turns = 0; turns < i * 3; turns += 1) await new Promise((resolve) => setImmediate(resolve));
        stream.hangUp();
        await stream.heard();
      }),
    );
    await eventually(() => app.app.get(LiveTasks).all().length === 0, { timeoutMs: 10_000 });
    const states = await rowsOf<{ state: string }>(
      app,
      `select distinct state from tasks where id in (${ids.map((id) => `'${id}'`).join()})`,
    );
    expect(states.map(({ state }) => state).filter((state) => state !== 'cancelled')).toEqual([]);
  });
});

onTwo.each([{ store: 'PostgreSQL', withRedis: false }, ...(runsRedis ? [{ store: 'Redis', withRedis: true }] : [])])(
  'a job that goes from one instance to another while it is read, with its events in $store',
  ({ withRedis }) => {
    const env = { LEASE_HEARTBEAT_MS: '100', LEASE_MS: '2000', ...(withRedis && { REDIS_URL }) };
    const [atHome, away] = [1, 2].map(() => smallJobs('moving', { concurrency: 1 })) as [SmallJobs, SmallJobs];
    let home: TestApp;
    let other: TestApp;

    beforeAll(async () => {
      home = await startTestApp({ backend: 'postgres', env, prepare: registered(atHome) });
    }, 60_000);
    afterAll(async () => {
      await other.close();
      await home.close();
    });

    it('is heard whole on both: its attempts one after the other, and its end, to the byte', async () => {
      const here = holdFrom(atHome, 4);
      const id = await ask(home, atHome, 9);
      await eventually(() => here.begun.length > 4);
      other = await startTestApp({ beside: home, env, prepare: registered(away) });
      const there = holdFrom(away, 2);
      const readers = [await EventClient.of(home), await EventClient.of(other)].map((client) => client.follow(id));
      await Promise.all(readers.map((reader) => reader.event('progress', 3)));
      // Both go on to be read from, also the one that has given the job up.
      await home.app.get(Tasks).drain(AbortSignal.abort());
      await eventually(() => there.begun.length > 1);
      there.gate.open();
      await Promise.all(readers.map((reader) => reader.heard()));
      const late = (await EventClient.of(other)).follow(id);
      await late.heard();
      expect(late.types).not.toContain('gap');
      expect(late.events.filter(({ type }) => type === 'task-start').map((event) => event.id)).toEqual(['1-1', '2-1']);
      expect(late.events.at(-1)).toMatchObject({ id: '3-0', data: { state: 'completed' } });
      expect(readers.map(({ bytes }) => bytes)).toEqual([late.bytes, late.bytes]);
      // From wherever a reader comes back, on either.
      for (const [i, { id: after }] of late.events.entries()) {
        const rest = (await EventClient.of([home, other][i % 2]!)).follow(id, { after });
        expect(await rest.heard()).toEqual(late.events.slice(i + 1));
      }
    }, 60_000);
  },
);

onOwnRedis('a Redis that goes away in the middle of a stream', () => {
  let redis: OwnRedis;
  let home: TestApp;
  let other: TestApp;
  let phone: EventClient;
  let elsewhere: EventClient;

  beforeAll(async () => {
    redis = await OwnRedis.prepare();
    await redis.start();
    home = await startTestApp({ backend: 'postgres', env: { REDIS_URL: redis.url } });
    other = await startTestApp({ beside: home, env: { REDIS_URL: redis.url } });
    [phone, elsewhere] = [await EventClient.of(home), await EventClient.of(other)];
  }, 60_000);
  afterEach(async () => {
    await redis.kill();
    await redis.start();
    home.reset();
  });
  afterAll(async () => {
    expect([...home.logs.at('error'), ...other.logs.at('error')]).toEqual([]);
    await other.close();
    await home.close();
    await redis.remove();
  });

  async function spoken(words: number) {
    const [id, gate] = [randomUUID(), new Gate()];
    home.model.script('chat', { holdAfter: 10, gate, text: longText(words) });
    const uncut = chat(phone, id);
    await uncut.event('text-delta', 10);
    const there = elsewhere.follow(id);
    await there.event('text-delta', 10);
    return { id, gate, uncut, there };
  }

  it('is not felt where the work is, and elsewhere is a wait: nothing is missing, and nothing comes twice', async () => {
    const { gate, uncut, there } = await spoken(40);
    await redis.kill();
    gate.open();
    await uncut.event('text-delta', 30);
    await redis.start();
    await Promise.all([uncut.heard(), there.heard()]);
    expect(uncut.events.at(-1)!.data).toMatchObject({ state: 'completed' });
    expect(there.bytes).toBe(uncut.bytes);
  }, 60_000);

  it('and does not come back is a gap for whoever reads elsewhere, and the end comes all the same', async () => {
    const { id, gate, uncut, there } = await spoken(40);
    await redis.kill();
    gate.open();
    await Promise.all([uncut.heard(), there.heard()]);
    expect(there.events.slice(-2).map(({ type }) => type)).toEqual(['gap', 'task-end']);
    expect(there.events.at(-1)).toEqual(uncut.events.at(-1));
    const late = await phone.follow(id).heard();
    expect(late.map(({ type }) => type)).toEqual(['gap', 'task-end']);
    expect(late[0]!.data).toMatchObject({ result: { content: longText(40) } });
  }, 60_000);
});

onTwo('a database that goes away in the middle of a stream', () => {
  let proxy: TcpProxy;
  let app: TestApp;
  let steady: TestApp;

  beforeAll(async () => {
    steady = await startTestApp({ backend: 'postgres' });
    proxy = await TcpProxy.start(steady.databaseUrl!);
    app = await startTestApp({ beside: steady, env: { DATABASE_URL: proxy.url, LEASE_MS: '1500', LEASE_HEARTBEAT_MS: '100' } });
  }, 60_000);
  afterAll(async () => {
    await app.close();
    await steady.close();
    await proxy.stop();
  });

  it('never makes an end of a task that its row does not know: the stream breaks off', async () => {
    const id = randomUUID();
    app.model.script('chat', { stallAfter: 10, text: longText(40) });
    const stream = chat(await EventClient.of(app), id);
    await stream.event('text-delta', 10);
    proxy.cut();
    await stream.heard();
    expect(stream.types).not.toContain('task-end');
    proxy.heal();
    const rest = await (await EventClient.of(steady)).follow(id, { after: stream.events.at(-1)!.id }).heard();
    expect(rest.at(-1)).toMatchObject({ type: 'task-end', data: { state: 'failed', problem: { code: 'owner_lost' } } });
  }, 60_000);
});
