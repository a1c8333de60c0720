import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CancelledError, ConnectionLostError, type Fetch, type HangupClient } from '../../src/client/index.js';
import { eventually, Gate } from '../../src/testing/index.js';
import { appClient } from '../support/app-client.js';
import { runsPostgres } from '../support/backends.js';
import { Balancer } from '../support/balancer.js';
import { EventClient } from '../support/event-client.js';
import { QUIZ } from '../support/task-client.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { longText } from '../support/tutor-model.js';
import { WireLog, withoutBody } from '../support/wire-log.js';

const QUESTION = { content: 'What does 谢谢 mean?' };

interface Told {
  readonly id: string;
  readonly type: string;
  readonly data: unknown;
}

describe('the client of an app whose connections break', () => {
  let app: TestApp;
  let proxy: TcpProxy;
  let wire: WireLog;
  let hangup: HangupClient;

  beforeAll(async () => {
    app = await startTestApp({ backend: runsPostgres ? 'postgres' : 'embedded' });
    proxy = await TcpProxy.start(app.url);
    wire = new WireLog();
    hangup = await appClient(app, { baseUrl: proxy.url, fetch: wire.fetch });
  }, 60_000);
  afterEach(() => {
    proxy.heal();
    app.reset();
    wire.sent.length = 0;
  });
  afterAll(async () => {
    await proxy.stop();
    await app.close();
  });

  const uncut = async (id: string): Promise<Told[]> =>
    (await (await EventClient.of(app)).follow(id).heard()).map(({ id, type, data }) => ({ id, type, data }));
  const task = async (id: string) => (await appClient(app)).tasks.get(id);

  it('goes on with a stream behind the last event, wherever it is cut: nothing is missing, and nothing comes twice', async () => {
    app.model.script('chat', { text: longText(400) });
    // In the middle of an event, as often as not.
    proxy.cutAfterBytes = 5003;
    const taskId = randomUUID();
    const heard: Told[] = [];
    for await (const event of hangup.chat.send(randomUUID(), QUESTION, { taskId })) heard.push(event);
    expect(heard.length).toBeGreaterThan(400);
    expect(heard).toEqual(await uncut(taskId));
    const again = wire.to(`/api/tasks/${taskId}/events?attach=1`);
    expect(again.length).toBeGreaterThan(5);
    expect(again.every(({ init }) => /^1-\d+$/.test(init.headers['last-event-id'] ?? ''))).toBe(true);
    expect(wire.to('/messages')).toHaveLength(1);
    expect([app.model.journal.length, wire.cancels]).toEqual([1, []]);
  });

  it('asks for the stream itself again where its request may never have arrived', async () => {
    const taskId = randomUUID();
    proxy.cut();
    const events = hangup.quizzes.stream(QUIZ, { taskId });
    const first = events.next();
    await eventually(() => wire.to('/generate').length >= 2);
    proxy.heal();
    const heard: Told[] = [(await first).value!];
    for await (const event of events) heard.push(event);
    expect(heard).toEqual(await uncut(taskId));
  });

  it('asks for a JSON answer again under the same id, and gets the one that was worked on meanwhile', async () => {
    const gate = new Gate();
    app.model.script('quiz', { holdAfter: 3, gate });
    const quiz = hangup.quizzes.generate(QUIZ, { onDisconnect: 'grace=20000' });
    await app.model.sent(await app.model.called('quiz'), 3);
    for (const link of proxy.links) link.cut();
    await eventually(() => wire.to('/generate').length === 2);
    gate.open();
    expect((await quiz).quiz.questions).toHaveLength(3);
    expect(new Set(wire.to('/generate').map(({ init }) => [init.headers['x-task-id'], init.headers['x-issued-at']].join())).size).toBe(1);
    expect(app.model.journal.filter(({ purpose }) => purpose === 'quiz')).toHaveLength(1);
  });

  it('says that the connection was lost where a task without grace was stopped by that', async () => {
    app.model.script('quiz', { stallAfter: 3 });
    const taskId = randomUUID();
    const quiz = hangup.quizzes.generate(QUIZ, { taskId });
    const told = expect(quiz).rejects.toBeInstanceOf(ConnectionLostError);
    await app.model.sent(await app.model.called('quiz'), 3);
    for (const link of proxy.links) link.cut();
    await told;
    expect((await task(taskId)).cancel?.cause).toBe('client_disconnect');
  });

  it('says so of a stream too that had not been answered yet', async () => {
    app.model.script('quiz', { stallAfter: 3 });
    const taskId = randomUUID();
    // The server's first byte is the last of the first connection; the second comes when the task has stopped.
    proxy.cutAfterBytes = 1;
    for (const link of proxy.links) link.cut();
    const isCut = async (): Promise<boolean> => (await task(taskId)).cancel?.cause === 'client_disconnect';
    let isHealed = false;
    const late: Fetch = async (url, init) => {
      const isAgain = !isHealed && (await isCut().catch(() => false));
      if (isAgain) await eventually(async () => (await task(taskId)).state === 'cancelled');
      if (isAgain) proxy.cutAfterBytes = Infinity;
      isHealed ||= isAgain;
      return await fetch(url, init);
    };
    const phone = await appClient(app, { baseUrl: proxy.url, fetch: late });
    const next = phone.quizzes.stream(QUIZ, { taskId, onDisconnect: 'cancel' }).next();
    await expect(next).rejects.toMatchObject({ code: 'connection_lost', message: expect.stringContaining('was stopped because') });
    expect(isHealed).toBe(true);
  });

  it('gives a stream up once its grace is over', async () => {
    app.model.script('chat', { stallAfter: 3 });
    const taskId = randomUUID();
    const events = hangup.chat.send(randomUUID(), QUESTION, { taskId, onDisconnect: 'grace=700' });
    const listen = async (): Promise<void> => {
      for await (const { type } of events) if (type === 'text-delta') proxy.cut();
    };
    await expect(listen()).rejects.toMatchObject({ code: 'connection_lost', name: 'ConnectionLostError' });
    await eventually(async () => (await task(taskId)).state === 'cancelled', { timeoutMs: 10_000 });
    expect(wire.cancels).toEqual([]);
  });

  it('says so too where it comes back after its grace', async () => {
    app.model.script('chat', { stallAfter: 3 });
    const taskId = randomUUID();
    const cause = async (): Promise<void> => {
      await eventually(async () => (await task(taskId)).state === 'cancelled', { timeoutMs: 10_000 });
      proxy.heal();
    };
    const listen = async (): Promise<void> => {
      // The client would wait for longer than the server does: this header wins at the server alone.
      const phone = await appClient(app, { baseUrl: proxy.url, fetch: (url, init) => fetch(url, shorter(init)) });
      for await (const { type } of phone.chat.send(randomUUID(), QUESTION, { taskId })) if (type === 'text-delta') proxy.cut();
    };
    const lost = listen();
    const told = expect(lost).rejects.toMatchObject({ code: 'connection_lost', taskId });
    await eventually(() => proxy.links.size === 0 && app.model.journal.length > 0);
    await cause();
    await told;
  });

  it('delivers a cancel that could not leave at first, once and for all', async () => {
    app.model.script('quiz', { stallAfter: 3 });
    const page = new AbortController();
    const taskId = randomUUID();
    const quiz = hangup.quizzes.generate(QUIZ, { taskId, signal: page.signal, onDisconnect: 'continue' });
    const rejected = quiz.catch((error: unknown) => error as CancelledError);
    await app.model.sent(await app.model.called('quiz'), 3);
    proxy.cut();
    page.abort();
    const error = (await rejected) as CancelledError;
    expect(error).toBeInstanceOf(CancelledError);
    await eventually(() => wire.cancelsOf(taskId).length >= 2);
    proxy.heal();
    expect(await error.confirmation).toMatchObject({ status: 'cancelled', cancel: { cause: 'user' } });
    const sent = wire.cancelsOf(taskId);
    expect(new Set(sent.map(({ init }) => init.body)).size).toBe(1);
  });

  it('tells of a cancel that could not be delivered, and rejects nothing that nobody waits for', async () => {
    app.model.script('quiz', { stallAfter: 3 });
    const told: string[] = [];
    const phone = await appClient(app, { baseUrl: proxy.url, onError: ({ code, taskId }) => told.push(`${code} ${taskId ?? ''}`) });
    const page = new AbortController();
    const taskId = randomUUID();
    const quiz = phone.quizzes.generate(QUIZ, { taskId, signal: page.signal });
    const rejected = quiz.catch((error: unknown) => error as CancelledError);
    await app.model.sent(await app.model.called('quiz'), 3);
    proxy.cut();
    page.abort();
    expect(await ((await rejected) as CancelledError).confirmation).toBeUndefined();
    expect(told).toEqual([`cancel_failed ${taskId}`]);
  });

  it('goes on without a body to read: what it missed is read when it comes back', async () => {
    const gate = new Gate();
    app.model.script('chat', { holdAfter: 5, gate, text: longText(20) });
    const phone = await appClient(app, { baseUrl: proxy.url, fetch: withoutBody });
    const taskId = randomUUID();
    const heard: Told[] = [];
    const listen = async (): Promise<void> => {
      for await (const event of phone.chat.send(randomUUID(), QUESTION, { taskId })) heard.push(event);
    };
    const listening = listen();
    await app.model.sent(await app.model.called('chat'), 5);
    for (const link of proxy.links) link.cut();
    gate.open();
    await listening;
    expect(heard).toEqual(await uncut(taskId));
    expect(app.model.journal).toHaveLength(1);
  });
});

function shorter<T extends { readonly headers: Record<string, string> }>(init: T): T {
  const { headers } = init;
  return 'x-on-disconnect' in headers ? { ...init, headers: { ...headers, 'x-on-disconnect': 'grace=300' } } : init;
}

const onTwo = runsPostgres ? describe : describe.skip;
onTwo('the client of an app before two instances', () => {
  let app: TestApp;
  let beside: TestApp;
  let balancer: Balancer;

  beforeAll(async () => {
    app = await startTestApp({ backend: 'postgres' });
    beside = await startTestApp({ beside: app });
    balancer = await Balancer.start([app, beside]);
  }, 60_000);
  afterAll(async () => {
    await balancer.stop();
    await beside.close();
    await app.close();
  });

  it('hears all of a reply whose stream is cut again and again, each time from the next instance', async () => {
    const proxy = await TcpProxy.start(balancer.url);
    proxy.cutAfterBytes = 5003;
    app.model.script('chat', { text: longText(400) });
    const hangup = await appClient(app, { baseUrl: proxy.url });
    const taskId = randomUUID();
    const heard: Told[] = [];
    for await (const event of hangup.chat.send(randomUUID(), QUESTION, { taskId })) heard.push(event);
    const whole = await (await EventClient.of(app)).follow(taskId).heard();
    expect(heard).toEqual(whole.map(({ id, type, data }) => ({ id, type, data })));
    expect([balancer.served.length > 5, new Set(balancer.served).size]).toEqual([true, 2]);
    expect(app.model.journal).toHaveLength(1);
    await proxy.stop();
  });
});
