import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AbortStats, type VanishedBy } from '../../src/abort/index.js';
import { TokenVerifier } from '../../src/auth/index.js';
import type { ModelCall } from '../../src/llm/offline/index.js';
import { eventually, Gate } from '../../src/testing/index.js';
import { Chatter } from '../support/chat-client.js';
import { PhoneNetwork, runsPhones, type Phone } from '../support/phone-network.js';
import { rowsOf } from '../support/rows.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { longText } from '../support/tutor-model.js';

const HEARTBEAT_MS = 1000;
const PROMISED_MS = 3 * HEARTBEAT_MS;
/** On a machine that does other things too. */
const SLACK_MS = 3000;
const QUIZ = { book_id: 1, chapter_id: 101, exercise_type: 'vocabulary', question_count: 2 };
/** More than all buffers between the model and a phone hold, by far. */
const ENDLESS = longText(300_000);

const NONE: Readonly<Record<VanishedBy, number>> = { keep_alive: 0, unacknowledged: 0, unread: 0 };

(runsPhones ? describe : describe.skip)('a phone in a network of its own', () => {
  let network: PhoneNetwork;
  let app: TestApp;
  let before: typeof NONE;

  beforeAll(async () => {
    network = await PhoneNetwork.create();
    app = await startTestApp({ host: network.host, env: { HEARTBEAT_MS: String(HEARTBEAT_MS) } });
    before = NONE;
  }, 60_000);
  afterEach(async () => {
    await network.endPhones();
    await network.comeBack();
    before = { ...app.app.get(AbortStats).vanished };
    app.reset();
  });
  afterAll(async () => {
    await network.remove();
    await app.close();
  });

  async function send(path: string, body: object, how?: 'slow'): Promise<Phone> {
    return network.send(`${app.url}${path}`, await app.app.get(TokenVerifier).issue('learner'), body, how);
  }
  const askForQuiz = (): Promise<Phone> => send('/api/quizzes/generate', QUIZ);
  const chat = (how?: 'slow'): Promise<Phone> => send(`/api/chat/sessions/${randomUUID()}/messages`, { content: 'Hello' }, how);

  /** What was counted in this test. */
  function vanished(): typeof NONE {
    const { vanished: now } = app.app.get(AbortStats);
    const count = (by: VanishedBy): number => now[by] - before[by];
    return { keep_alive: count('keep_alive'), unacknowledged: count('unacknowledged'), unread: count('unread') };
  }

  /** Resolves when the model has been hung up on, and its task has been cancelled for it. */
  async function stopped(what: string, call: ModelCall, since: number): Promise<void> {
    const timeoutMs = PROMISED_MS + SLACK_MS;
    await eventually(() => call.outcome !== undefined, { timeoutMs, message: `the model being hung up on (${what})` });
    process.stdout.write(`${what}: noticed after ${Math.round(performance.now() - since)} ms, promised are ${PROMISED_MS} ms\n`);
    expect(call.outcome).toBe('client_closed');
    await eventually(async () => {
      const tasks = await rowsOf(app, "select state, cancel->>'cause' as cause from tasks order by created_at desc limit 1");
      expect(tasks).toEqual([{ state: 'cancelled', cause: 'client_disconnect' }]);
    });
  }

  async function metric(by: VanishedBy): Promise<number> {
    const text = await (await fetch(`${app.url}/metrics`)).text();
    return Number(new RegExp(`^hangup_vanished_clients_total\\{by="${by}"\\} (\\d+)$`, 'm').exec(text)?.[1]);
  }

  it('that vanishes while it waits for a quiz is noticed by keep-alive, and its quiz stopped', async () => {
    app.model.script('quiz', { hold: new Gate() });
    await askForQuiz();
    const call = await app.model.called('quiz');
    await stopped('a phone that waits', call, await network.goDown());
    expect(vanished()).toEqual({ ...NONE, keep_alive: 1 });
    expect(await metric('keep_alive')).toBe(before.keep_alive + 1);
    const line = app.logs.lines.find(({ msg }) => msg.startsWith('[Abort] A client vanished: '));
    expect(line).toMatchObject({ level: 'info', by: 'keep_alive', ms: expect.any(Number) });
    expect(app.logs.at('error')).toEqual([]);
  });

  it('that vanishes while a stream has only comments for it is noticed by what it does not acknowledge', async () => {
    app.model.script('chat', { holdAfter: 5, gate: new Gate() });
    const phone = await chat();
    const call = await app.model.called('chat');
    await eventually(() => phone.comments > 0);
    await stopped('a phone that hears comments', call, await network.goDown());
    expect(vanished()).toEqual({ ...NONE, unacknowledged: 1 });
    expect(await metric('unacknowledged')).toBe(before.unacknowledged + 1);
    expect(app.logs.messages).toContainEqual(
      expect.stringMatching(/^\[Abort\] A client vanished: nothing that was sent was acknowledged for \d+ ms$/),
    );
  });

  it('that vanishes in the midst of words is noticed so too', async () => {
    app.model.script('chat', { text: ENDLESS });
    const phone = await chat('slow');
    await eventually(() => phone.heard.includes('text-delta'));
    await stopped('a phone that hears words', app.model.journal[0]!, await network.goDown());
    expect(vanished()).toEqual({ ...NONE, unacknowledged: 1 });
  });

  it('that is there and waits is left alone, for longer than one that has vanished would be, and gets its answer', async () => {
    const gates = { quiz: new Gate(), chat: new Gate() };
    app.model.script('quiz', { hold: gates.quiz });
    app.model.script('chat', { hold: gates.chat });
    const [waiting, listening] = await Promise.all([askForQuiz(), chat()]);
    await eventually(() => listening.comments * HEARTBEAT_MS > 2 * PROMISED_MS, { timeoutMs: 4 * PROMISED_MS });
    gates.quiz.open();
    gates.chat.open();
    await eventually(() => waiting.heard.endsWith('\nWHOLE\n') && listening.heard.endsWith('\nWHOLE\n'));
    expect(vanished()).toEqual(NONE);
  });

  it('that reads a little now and then is left alone', async () => {
    await network.shrinkBuffers(8192);
    app.model.script('chat', { text: ENDLESS });
    const phone = await chat('slow');
    const since = performance.now();
    await eventually(() => performance.now() - since > 3 * PROMISED_MS, { timeoutMs: 4 * PROMISED_MS });
    const { length } = phone.heard;
    await eventually(() => phone.heard.length > length);
    expect(app.model.journal[0]!.outcome).toBeUndefined();
    expect(app.model.journal[0]!.textSent.length).toBeLessThan(ENDLESS.length / 2);
    expect(vanished()).toEqual(NONE);
  });
});

describe('a client that is there and reads nothing', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ env: { HEARTBEAT_MS: String(HEARTBEAT_MS) } });
  }, 60_000);
  afterAll(() => app.close());

  it('is cut once nothing has moved for long enough, and its model hung up on', async () => {
    app.model.script('chat', { text: ENDLESS });
    const reply = (await Chatter.of(app, 'unread')).say('Tell me everything').stopReading();
    await reply.status();
    const call = await app.model.called('chat');
    await eventually(() => call.outcome !== undefined, { timeoutMs: 30_000, message: 'the model being hung up on' });
    expect(call.outcome).toBe('client_closed');
    expect(call.chunksSent).toBeGreaterThan(1000);
    expect(app.app.get(AbortStats).vanished).toEqual({ ...NONE, unread: 1 });
  });
});
