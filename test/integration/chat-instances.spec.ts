import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Turns } from '../../src/chat/turns.service.js';
import { CancelBus } from '../../src/tasks/index.js';
import { eventually, Gate } from '../../src/testing/index.js';
import { runsPostgres } from '../support/backends.js';
import { Chatter, type LiveReply } from '../support/chat-client.js';
import { rowsOf } from '../support/rows.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { longText, promptsOf, replyTo } from '../support/tutor-model.js';

(runsPostgres ? describe : describe.skip)('a session on two instances', () => {
  let a: TestApp;
  let b: TestApp;
  let sessions = 0;

  beforeAll(async () => {
    a = await startTestApp({ backend: 'postgres', env: { INSTANCE_ID: 'a' } });
    b = await startTestApp({ beside: a, env: { INSTANCE_ID: 'b' } });
    for (const { app } of [a, b]) await eventually(() => app.get(CancelBus).state === 'up');
  }, 60_000);
  afterEach(() => {
    jest.restoreAllMocks();
    a.reset();
  });
  afterAll(async () => {
    expect(a.logs.at('error')).toEqual([]);
    await b.close();
    await a.close();
  });

  /** The same learner in the same session, at either instance. */
  async function chatters(): Promise<[onA: Chatter, onB: Chatter]> {
    const session = `shared ${++sessions}`;
    return [await Chatter.of(a, session), await Chatter.of(b, session)];
  }

  async function streaming(who: Chatter): Promise<{ first: LiveReply; gate: Gate }> {
    const gate = new Gate();
    a.model.script(replyTo('First'), { holdAfter: 5, gate, text: longText(40) });
    const first = who.say('First');
    await a.model.sent(await a.model.called(replyTo('First')), 5);
    return { first, gate };
  }

  it('is cancelled from the other one, and the answer comes when it has stopped', async () => {
    const [onA, onB] = await chatters();
    const { first } = await streaming(onA);
    const cancelled = await onB.cancel({ reason: 'from elsewhere' });
    expect(cancelled).toMatchObject({ cancelled_count: 1, task_ids: [await first.taskId()] });
    expect(a.model.journal[0]).toMatchObject({ outcome: 'client_closed', chunksSent: 5 });
    expect(await onB.task(await first.taskId())).toMatchObject({ state: 'cancelled', receipt: { confirmed: true } });
    expect(await first.end()).toMatchObject({ state: 'cancelled', cause: 'scope', reason: 'from elsewhere' });
    expect(await onB.lastReply()).toMatchObject({ state: 'partial', content: longText(5) });
  });

  it('is cancelled from the other one by its message, and only that', async () => {
    const [onA, onB] = await chatters();
    const { first, gate } = await streaming(onA);
    const message_id = randomUUID();
    const second = onA.say('Second', { on_conflict: 'enqueue', message_id });
    await second.event('task-start');
    expect(await onB.cancel({ message_id })).toMatchObject({ task_ids: [await second.taskId()] });
    expect(await second.end()).toMatchObject({ state: 'cancelled' });
    gate.open();
    expect(await first.end()).toMatchObject({ state: 'completed' });
  });

  it('is interrupted from the other one, where the new reply begins once the old has stopped', async () => {
    const [onA, onB] = await chatters();
    const { first } = await streaming(onA);
    const second = await onB.say('Second').heard();
    expect(await first.end()).toMatchObject({ state: 'cancelled', cause: 'superseded' });
    expect(await second.end()).toMatchObject({ state: 'completed' });
    const [cut, next] = a.model.journal;
    expect(next!.receivedAt).toBeGreaterThan(cut!.endedAt!);
    expect(
      promptsOf(a.model.journal)[1]!
        .slice(1)
        .map(({ content }) => content),
    ).toEqual(['First', longText(5), 'Second']);
  });

  it('refuses at the other one as well', async () => {
    const [onA, onB] = await chatters();
    const { first, gate } = await streaming(onA);
    const second = await onB.say('Second', { on_conflict: 'reject' }).heard();
    expect([await second.status(), (await second.problem()).code]).toEqual([409, 'session_busy']);
    gate.open();
    expect(await first.end()).toMatchObject({ state: 'completed' });
  });

  it('queues over both, in one order, in which the bus alone wakes each', async () => {
    for (const { app } of [a, b]) jest.replaceProperty(app.get(Turns, { strict: false }), 'rereadMs', 3_600_000);
    const [onA, onB] = await chatters();
    const { first, gate } = await streaming(onA);
    const waiting: LiveReply[] = [];
    const words = ['Second', 'Third', 'Fourth', 'Fifth', 'Sixth', 'Seventh'];
    for (const [i, each] of words.entries()) {
      const reply = (i % 2 === 0 ? onB : onA).say(each, { on_conflict: 'enqueue' });
      await reply.event('task-start');
      waiting.push(reply);
    }
    gate.open();
    const ends = await Promise.all([first, ...waiting].map((reply) => reply.end()));
    expect(ends.map(({ state }) => state)).toEqual(Array(7).fill('completed'));
    expect(promptsOf(a.model.journal).map((messages) => messages.at(-1)!.content)).toEqual(['First', ...words]);
  });

  it('gives ten messages at once to both, and completes exactly one', async () => {
    const [onA, onB] = await chatters();
    const gate = new Gate();
    a.model.script('chat', { hold: gate });
    const replies = Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? onA : onB).say(`Message ${n}`));
    await Promise.all(replies.map((reply) => reply.event('task-start')));
    gate.open();
    const ends = await Promise.all(replies.map((reply) => reply.end()));
    expect(ends.filter(({ state }) => state === 'completed')).toHaveLength(1);
    expect(ends.filter(({ cause }) => cause === 'superseded')).toHaveLength(9);
    expect((await onA.history()).at(-1)).toMatchObject({ role: 'assistant', state: 'complete' });
    expect(await rowsOf(a, "select 1 from chat_messages where state in ('waiting', 'streaming')")).toEqual([]);
  });

  it('gives the reply of one to whoever sends the message again to the other', async () => {
    const [onA, onB] = await chatters();
    const { gate } = await streaming(onA);
    await onA.cancel();
    gate.open();
    const headers = { 'X-Task-Id': randomUUID() };
    const once = await onA.say('Hello', {}, { ...headers, 'X-Client-Id': 'phone', 'X-Issued-At': '1' }).heard();
    const again = await onB.say('Hello', {}, { ...headers, 'X-Client-Id': 'phone', 'X-Issued-At': '2' }).heard();
    expect(again.text).toBe(once.text);
    expect(again.events.at(-1)).toEqual(once.events.at(-1));
  });
});
