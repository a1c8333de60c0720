import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, Gate } from '../../src/testing/index.js';
import { backends, type Backend } from '../support/backends.js';
import { Chatter, type LiveReply } from '../support/chat-client.js';
import { rowsOf } from '../support/rows.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { longText, promptsOf, replyTo } from '../support/tutor-model.js';

describe.each(backends)('a message to a session that is still replied to, on %s', (backend: Backend) => {
  let app: TestApp;
  let sessions = 0;

  beforeAll(async () => {
    app = await startTestApp({ backend });
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(async () => {
    expect(app.logs.at('error')).toEqual([]);
    await app.close();
  });

  const chatter = (): Promise<Chatter> => Chatter.of(app, `busy ${++sessions}`);
  const statesOf = async (who: Chatter): Promise<string[]> =>
    (await who.history()).filter(({ role }) => role === 'assistant').map(({ state }) => state);
  const wordsIn = (call: number): string[] =>
    promptsOf(app.model.journal)
      [call]!.slice(1)
      .map(({ content }) => content);

  /** A reply to "First" that has said five chunks, and waits. */
  async function streaming(who: Chatter): Promise<{ first: LiveReply; gate: Gate }> {
    const gate = new Gate();
    app.model.script(replyTo('First'), { holdAfter: 5, gate, text: longText(40) });
    const first = who.say('First');
    await app.model.sent(await app.model.called(replyTo('First')), 5);
    return { first, gate };
  }

  describe('interrupts that reply, where it is not told otherwise', () => {
    it('which is cut as superseded, and begins once it has stopped', async () => {
      const who = await chatter();
      const { first } = await streaming(who);
      const second = await who.say('Second').heard();
      expect(await first.end()).toMatchObject({
        state: 'cancelled',
        cause: 'superseded',
        reason: 'A newer message of the session took its place.',
      });
      expect(await second.end()).toMatchObject({ state: 'completed' });
      const [cut, next] = app.model.journal;
      expect(cut).toMatchObject({ outcome: 'client_closed', chunksSent: 5 });
      expect(next!.receivedAt).toBeGreaterThan(cut!.endedAt!);
      expect(wordsIn(1)).toEqual(['First', longText(5), 'Second']);
      expect(await statesOf(who)).toEqual(['partial', 'complete']);
      const task = await who.task(await first.taskId());
      expect(task).toMatchObject({ state: 'cancelled', cancel: { cause: 'superseded', by: 'learner' }, receipt: { confirmed: true } });
      expect(app.logs.messages).toContain('[chat_reply] Superseded, aborting LLM call');
      expect(app.logs.messages).toContain(`[ChatService] Chat reply cancelled by a newer request (session=${who.session} user=learner)`);
    });

    it('and those that still wait, which were asked for before it', async () => {
      const who = await chatter();
      const { first } = await streaming(who);
      const waiting = who.say('Waiting', { on_conflict: 'enqueue' });
      await waiting.event('task-start');
      const last = await who.say('Last').heard();
      expect([await first.end(), await waiting.end()]).toMatchObject([{ cause: 'superseded' }, { cause: 'superseded' }]);
      expect(await last.end()).toMatchObject({ state: 'completed' });
      expect(await statesOf(who)).toEqual(['partial', 'partial', 'complete']);
      expect(app.model.journal.some(replyTo('Waiting'))).toBe(false);
    });

    it('in this session alone', async () => {
      const [who, elsewhere] = [await chatter(), await chatter()];
      const { first, gate } = await streaming(elsewhere);
      expect(await (await who.say('Second').heard()).end()).toMatchObject({ state: 'completed' });
      gate.open();
      expect(await first.end()).toMatchObject({ state: 'completed' });
    });

    it('and not the honest message after it: a superseded session leaves no mark', async () => {
      const who = await chatter();
      await streaming(who);
      const marks = await rowsOf(app, 'select id from cancel_marks');
      for (const words of ['Second', 'Third']) expect(await (await who.say(words).heard()).end()).toMatchObject({ state: 'completed' });
      expect(await rowsOf(app, 'select id from cancel_marks')).toEqual(marks);
    });

    it('for an administrator too, and then only their own', async () => {
      const taskId = { 'X-Task-Id': randomUUID() };
      const theirs = await Chatter.of(app, 'shared', 'somebody else');
      const gate = new Gate();
      app.model.script(replyTo('Theirs'), { holdAfter: 1, gate });
      const held = theirs.say('Theirs', {}, taskId);
      await held.event('text-delta');
      const admin = await Chatter.of(app, 'shared', 'admin', { scope: 'hangup:admin' });
      app.model.script(replyTo('Mine'), { holdAfter: 1, gate });
      const mine = admin.say('Mine', {}, taskId);
      await mine.event('text-delta');
      expect(await (await admin.say('Second').heard()).end()).toMatchObject({ state: 'completed' });
      expect(await mine.end()).toMatchObject({ cause: 'superseded' });
      gate.open();
      expect(await held.end()).toMatchObject({ state: 'completed' });
    });

    it('ten at once: exactly one is completed, the last that was written down', async () => {
      const who = await chatter();
      const gate = new Gate();
      app.model.script('chat', { hold: gate });
      const replies = Array.from({ length: 10 }, (_, n) => who.say(`Message ${n}`));
      await Promise.all(replies.map((reply) => reply.event('task-start')));
      gate.open();
      const ends = await Promise.all(replies.map((reply) => reply.end()));
      expect(ends.filter(({ state }) => state === 'completed')).toHaveLength(1);
      expect(ends.filter(({ cause }) => cause === 'superseded')).toHaveLength(9);
      const said = await who.history();
      expect(said).toHaveLength(20);
      expect(said.at(-1)).toMatchObject({ role: 'assistant', state: 'complete' });
      expect(await statesOf(who)).toEqual([...Array<string>(9).fill('partial'), 'complete']);
      expect(await rowsOf(app, "select 1 from tasks where state in ('running', 'cancelling')")).toEqual([]);
    });
  });

  describe('is refused, where it is told to', () => {
    it('and leaves nothing behind: the reply goes on, and the id of the message is free', async () => {
      const who = await chatter();
      const { first, gate } = await streaming(who);
      const message_id = randomUUID();
      const second = await who.say('Second', { on_conflict: 'reject', message_id }).heard();
      expect([await second.status(), (await second.problem()).code]).toEqual([409, 'session_busy']);
      expect(await who.history()).toHaveLength(2);
      gate.open();
      expect(await first.end()).toMatchObject({ state: 'completed' });
      await first.heard();
      const again = await who.say('Second', { on_conflict: 'reject', message_id }).heard();
      expect(await again.end()).toMatchObject({ state: 'completed', result: { message_id } });
    });

    it('ten at once: exactly one is replied to', async () => {
      const who = await chatter();
      const gate = new Gate();
      app.model.script('chat', { hold: gate });
      const replies = Array.from({ length: 10 }, (_, n) => who.say(`Message ${n}`, { on_conflict: 'reject' }));
      const statuses = await Promise.all(replies.map((reply) => reply.status()));
      expect(statuses.toSorted()).toEqual([200, ...Array<number>(9).fill(409)]);
      gate.open();
      await Promise.all(replies.map((reply) => reply.heard()));
      expect(await statesOf(who)).toEqual(['complete']);
    });
  });

  describe('waits, where it is told to', () => {
    it('and goes when its turn has come, one after the other in their order', async () => {
      const who = await chatter();
      const { first, gate } = await streaming(who);
      const waiting: LiveReply[] = [];
      for (const words of ['Second', 'Third', 'Fourth']) {
        const reply = who.say(words, { on_conflict: 'enqueue' });
        await reply.event('task-start');
        waiting.push(reply);
      }
      expect(await statesOf(who)).toEqual(['streaming', 'waiting', 'waiting', 'waiting']);
      expect(app.model.journal).toHaveLength(1);
      gate.open();
      const ends = await Promise.all([first, ...waiting].map((reply) => reply.end()));
      expect(ends.map(({ state }) => state)).toEqual(Array(4).fill('completed'));
      expect(promptsOf(app.model.journal).map((messages) => messages.at(-1)!.content)).toEqual(['First', 'Second', 'Third', 'Fourth']);
      expect(wordsIn(1)).toEqual(['First', longText(40), 'Second']);
      const { journal } = app.model;
      expect(journal.every((call, i) => i === 0 || call.receivedAt >= journal[i - 1]!.endedAt!)).toBe(true);
    });

    it('also for one that fails, or is cancelled', async () => {
      const who = await chatter();
      const { first } = await streaming(who);
      app.model.script(replyTo('Second'), { status: 400, body: {} });
      const second = who.say('Second', { on_conflict: 'enqueue' });
      await second.event('task-start');
      const third = who.say('Third', { on_conflict: 'enqueue' });
      await third.event('task-start');
      await who.cancel({ message_id: (await first.event('task-start')).data.message_id });
      expect(await third.end()).toMatchObject({ state: 'completed' });
      expect([await first.end(), await second.end()]).toMatchObject([{ state: 'cancelled' }, { state: 'failed' }]);
    });

    it('no longer than its client does: it leaves the queue at once, and the one behind it moves up', async () => {
      const who = await chatter();
      const { first, gate } = await streaming(who);
      const second = who.say('Second', { on_conflict: 'enqueue' });
      await second.event('task-start');
      const third = who.say('Third', { on_conflict: 'enqueue' });
      await third.event('task-start');
      const taskId = await second.taskId();
      second.hangUp();
      await eventually(async () => (await who.task(taskId)).state === 'cancelled');
      expect(app.logs.messages).toContain('[await_turn] Client disconnected, leaving the queue');
      expect(await who.task(taskId)).toMatchObject({ stage: 'await_turn', receipt: { calls_avoided: 1 } });
      expect(await statesOf(who)).toEqual(['streaming', 'partial', 'waiting']);
      gate.open();
      expect([await first.end(), await third.end()]).toMatchObject([{ state: 'completed' }, { state: 'completed' }]);
      expect(app.model.journal.some(replyTo('Second'))).toBe(false);
    });

    it('and is cancelled with the session, like the one before it', async () => {
      const who = await chatter();
      const { first } = await streaming(who);
      const second = who.say('Second', { on_conflict: 'enqueue' });
      await second.event('task-start');
      const { cancelled_count, task_ids } = await who.cancel();
      expect(cancelled_count).toBe(2);
      expect(task_ids.toSorted()).toEqual([await first.taskId(), await second.taskId()].toSorted());
      expect([await first.end(), await second.end()]).toMatchObject([{ state: 'cancelled' }, { state: 'cancelled' }]);
    });

    it('and may be cancelled alone, by its message', async () => {
      const who = await chatter();
      const { first, gate } = await streaming(who);
      const message_id = randomUUID();
      const second = who.say('Second', { on_conflict: 'enqueue', message_id });
      await second.event('task-start');
      expect(await who.cancel({ message_id: message_id.toUpperCase() })).toMatchObject({ task_ids: [await second.taskId()] });
      expect(await second.end()).toMatchObject({ state: 'cancelled', cause: 'scope' });
      gate.open();
      expect(await first.end()).toMatchObject({ state: 'completed' });
    });
  });

  it('is not held up by replies whose instance is gone, and sees them as partial', async () => {
    const who = await chatter();
    const task = randomUUID();
    await rowsOf(
      app,
      `insert into tasks (owner, id, kind, state, finished_at) values ('learner', '${task}', 'chat_reply', 'failed', now())`,
    );
    const left = (id: string, ordinal: number, state: string, taskId: string): string =>
      `('learner', '${id}', '${who.session}', ${ordinal}, 'assistant', 'so far', '${state}', '${taskId}')`;
    await rowsOf(
      app,
      `insert into chat_messages (owner, id, session_id, ordinal, role, content, state, task_id)
       values ${left(randomUUID(), 1, 'streaming', task)}, ${left(randomUUID(), 2, 'waiting', randomUUID())}`,
    );
    expect(await statesOf(who)).toEqual(['partial', 'partial']);
    const reply = await who.say('Hello', { on_conflict: 'reject' }).heard();
    expect(await reply.end()).toMatchObject({ state: 'completed' });
    expect(await statesOf(who)).toEqual(['partial', 'partial', 'complete']);
  });

  it('finds the database itself against two live replies', async () => {
    const who = await chatter();
    const row = `('learner', gen_random_uuid(), '${who.session}', %, 'assistant', '', 'streaming', gen_random_uuid())`;
    const insert = (ordinal: number): Promise<unknown> =>
      rowsOf(
        app,
        `insert into chat_messages (owner, id, session_id, ordinal, role, content, state, task_id) values ${row.replace('%', String(ordinal))}`,
      );
    await insert(1);
    await expect(insert(2)).rejects.toThrow('chat_messages_one_live_reply');
  });
});
