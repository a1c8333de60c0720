import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AbortContext } from '../../src/abort/index.js';
import { TokenVerifier } from '../../src/auth/index.js';
import { ChatMessagesRepository } from '../../src/chat/chat-messages.repository.js';
import { eventually, Gate } from '../../src/testing/index.js';
import { backends, type Backend } from '../support/backends.js';
import { Chatter, type LiveReply } from '../support/chat-client.js';
import { LedgerReader } from '../support/ledger.js';
import { DatabaseWatch } from '../support/locks.js';
import { holdAfter } from '../support/moments.js';
import { rowsOf } from '../support/rows.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { longText, promptsOf } from '../support/tutor-model.js';

const CUT = (session: string): string => `[ChatService] Chat reply cancelled by client disconnect (session=${session} user=learner)`;

describe.each(backends)('a chat with the tutor, on %s', (backend: Backend) => {
  let app: TestApp;
  let sessions = 0;

  beforeAll(async () => {
    app = await startTestApp({ backend });
  }, 60_000);
  afterEach(() => {
    jest.restoreAllMocks();
    app.reset();
  });
  afterAll(() => app.close());

  /** In a session of its own. */
  const chatter = (user?: string): Promise<Chatter> => Chatter.of(app, `session ${++sessions}`, user);
  const logged = (msg: string) => eventually(() => app.logs.messages.includes(msg), { message: msg });
  const taskOf = async (who: Chatter, reply: LiveReply) => who.task(await reply.taskId());

  /** A reply that has said so many chunks, and waits. */
  async function midStream(who: Chatter, chunks = 5): Promise<{ reply: LiveReply; gate: Gate }> {
    const gate = new Gate();
    app.model.script('chat', { holdAfter: chunks, gate, text: longText(40) }, { times: 1 });
    const reply = who.say('Tell me a story');
    await app.model.sent(await app.model.called('chat'), chunks);
    await eventually(() => reply.text === longText(chunks));
    return { reply, gate };
  }

  describe('that comes to its end', () => {
    it('streams the reply between a beginning and an end, and counts exactly what it used', async () => {
      const who = await chatter();
      const message_id = randomUUID();
      const reply = await who.say('What does 谢谢 mean?', { book_id: 1, message_id }).heard();
      expect(await reply.status()).toBe(200);
      expect(await reply.headers()).toMatchObject({ 'content-type': 'text/event-stream', 'x-task-id': await reply.taskId() });

      const [embedding, chat] = app.model.journal;
      const { events } = reply;
      const { task_id, reply_id } = events[0]!.data;
      expect(events[0]).toEqual({ type: 'task-start', data: { task_id, kind: 'chat_reply', attempt: 1, message_id, reply_id } });
      expect([task_id, reply_id]).toEqual([expect.any(String), expect.any(String)]);
      expect(reply.text).toBe(chat!.textSent);
      expect(new Set(reply.types.slice(1, -1))).toEqual(new Set(['text-delta']));
      const usage = {
        prompt_tokens: embedding!.promptTokens + chat!.promptTokens,
        completion_tokens: chat!.completionTokens,
        estimated: false,
        cost_usd: expect.any(Number),
      };
      expect(events.at(-1)).toEqual({
        type: 'task-end',
        data: {
          task_id,
          kind: 'chat_reply',
          state: 'completed',
          usage,
          receipt: null,
          result: { task_id, session_id: who.session, message_id, reply_id, content: chat!.textSent, usage },
        },
      });
      expect(await taskOf(who, reply)).toMatchObject({ kind: 'chat_reply', state: 'completed', usage });
    });

    it('is remembered: the message, then its reply, under the same task', async () => {
      const who = await chatter();
      const reply = await who.say('  Hello, tutor! ').heard();
      const { task_id, message_id, reply_id } = (await reply.event('task-start')).data;
      const said = { task_id, state: 'complete', created_at: expect.any(String) };
      expect(await who.history()).toEqual([
        { ...said, id: message_id, role: 'user', content: 'Hello, tutor!' },
        { ...said, id: reply_id, role: 'assistant', content: reply.text },
      ]);
    });

    it('rests on the passages of the book that are nearest to the question', async () => {
      await (await chatter()).say('What does 谢谢 mean?', { book_id: 1 }).heard();
      const [instructions, material, question] = promptsOf(app.model.journal)[0]!;
      expect([instructions!.role, material!.role, question!.role]).toEqual(['system', 'system', 'user']);
      const { passages } = JSON.parse(material!.content) as { passages: { text: string }[] };
      expect(passages).toHaveLength(5);
      expect(passages.some(({ text }) => text.includes('谢谢'))).toBe(true);
      expect(question!.content).toBe('What does 谢谢 mean?');
    });

    it('without a book asks for no passages', async () => {
      await (await chatter()).say('Hello').heard();
      expect(app.model.journal.map(({ purpose }) => purpose)).toEqual(['chat']);
      expect(promptsOf(app.model.journal)[0]!.map(({ role }) => role)).toEqual(['system', 'user']);
    });

    it('goes on from what was said before, in this session alone', async () => {
      const [who, other] = [await chatter(), await chatter()];
      await other.say('Somewhere else').heard();
      app.model.script('chat', { text: 'Nice to meet you.' });
      await who.say('I am Ann').heard();
      await who.say('Who am I?').heard();
      expect(promptsOf(app.model.journal).at(-1)!.slice(1)).toEqual([
        { role: 'user', content: 'I am Ann' },
        { role: 'assistant', content: 'Nice to meet you.' },
        { role: 'user', content: 'Who am I?' },
      ]);
    });

    it('is not undone by a client that leaves as soon as it has heard the end', async () => {
      const who = await chatter();
      const reply = who.say('Hello');
      await reply.end();
      reply.hangUp();
      const taskId = await reply.taskId();
      await eventually(() => app.logs.messages.some((msg) => msg.startsWith('[http] ')));
      expect(await who.task(taskId)).toMatchObject({ state: 'completed', cancel: null, receipt: null });
      expect((await who.lastReply()).state).toBe('complete');
      expect(app.model.journal.map(({ outcome }) => outcome)).toEqual(['completed']);
      expect(app.logs.messages.filter((msg) => /cancelled|disconnected/i.test(msg))).toEqual([]);
    });

    it('leaves whatever comes after it on the same connection alone', async () => {
      const who = await chatter();
      for (const content of ['One', 'Two', 'Three']) {
        const answer = await who.client.post(`/api/chat/sessions/${encodeURIComponent(who.session)}/messages`, { content }).answer;
        expect(answer!.text).toContain('"state":"completed"');
      }
      expect((await who.history()).map(({ state }) => state)).toEqual(Array(6).fill('complete'));
    });

    it('stores what the database would not take of what the model said', async () => {
      const who = await chatter();
      app.model.script('chat', { text: 'a\0b \ud800 c' });
      const reply = await who.say('Hello').heard();
      expect(await reply.end()).toMatchObject({ state: 'completed' });
      expect((await who.lastReply()).content).toBe('ab \ufffd c');
    });
  });

  describe('that its client leaves', () => {
    it('in the middle of the stream: the model is cut, and what it had said is kept as partial', async () => {
      const who = await chatter();
      const { reply } = await midStream(who);
      const [call] = app.model.journal;
      reply.hangUp();
      expect(await app.model.ended(call!)).toMatchObject({ outcome: 'client_closed', chunksSent: 5 });
      await logged(CUT(who.session));
      expect(app.logs.messages).toContain('[chat_reply] Client disconnected, aborting LLM call');
      const taskId = await reply.taskId();
      await eventually(async () => (await who.task(taskId)).state === 'cancelled');
      expect(await who.task(taskId)).toMatchObject({
        stage: 'chat_reply',
        cancel: { cause: 'client_disconnect' },
        receipt: { confirmed: true, stage: 'chat_reply', layers: [{ layer: 'llm', stopped_ms: expect.any(Number) }], calls_avoided: 0 },
        usage: { estimated: true, completion_tokens: call!.completionTokens },
      });
      expect(await who.lastReply()).toMatchObject({ state: 'partial', content: longText(5) });
      expect(app.logs.at('error').concat(app.logs.at('warn'))).toEqual([]);
    });

    it('before the first word: no word is asked for, or none any more', async () => {
      const who = await chatter();
      const gate = new Gate();
      app.model.script('embeddings', { hold: gate });
      const reply = who.say('Hello', { book_id: 1 });
      const call = await app.model.called('embeddings');
      await reply.event('task-start');
      reply.hangUp();
      expect(await app.model.ended(call)).toMatchObject({ outcome: 'client_closed' });
      await logged(CUT(who.session));
      expect(app.logs.messages).toContain('[retrieve_passages] Client disconnected, aborting LLM call');
      expect(app.model.journal).toHaveLength(1);
      expect(await who.lastReply()).toMatchObject({ state: 'partial', content: '' });
      const taskId = await reply.taskId();
      await eventually(async () => (await who.task(taskId)).state === 'cancelled');
      expect((await who.task(taskId)).receipt).toMatchObject({ calls_avoided: 1 });
    });

    it('while its token is looked at: nothing begins', async () => {
      const who = await chatter();
      const tasks = await rowsOf(app, 'select id from tasks');
      const held = holdAfter(app.app.get(AbortContext), app.app.get(TokenVerifier), 'verify');
      const reply = who.say('Hello');
      await held.gate.reached;
      reply.hangUp();
      await held.told();
      held.gate.open();
      await eventually(() => app.logs.messages.some((msg) => msg.startsWith('[http] 499')));
      jest.restoreAllMocks();
      expect(await who.history()).toEqual([]);
      expect(await rowsOf(app, 'select id from tasks')).toEqual(tasks);
      expect(app.model.journal).toEqual([]);
      expect(app.logs.at('error')).toEqual([]);
    });

    const insideStatements = (): void => {
      let watch: DatabaseWatch;
      beforeAll(async () => {
        watch = await DatabaseWatch.open(app.databaseUrl!);
      });
      afterEach(() => watch.unlock());
      afterAll(() => watch.close());

      it.each([
        { table: 'books', says: '[find_book] Client disconnected, cancelling query', heard: 0 },
        { table: 'chat_messages', says: '[enter_session] Client disconnected, cancelling query', heard: 0 },
        { table: 'passages', says: '[retrieve_passages] Client disconnected, cancelling query', heard: 1 },
      ])('waiting in $table: the statement is gone from the server, and no word was said', async ({ table, says, heard }) => {
        const who = await chatter();
        await watch.lock(table);
        const reply = who.say('Hello', { book_id: 1 });
        await watch.waiting();
        expect(reply.types).toHaveLength(heard);
        reply.hangUp();
        await logged(says);
        await eventually(async () => {
          expect(await watch.activity()).toEqual([]);
        });
        await watch.unlock();
        await eventually(async () => {
          expect(await rowsOf(app, "select state from tasks where state in ('running', 'cancelling')")).toEqual([]);
        });
        expect(app.model.journal.filter(({ purpose }) => purpose === 'chat')).toEqual([]);
        expect((await who.history()).map(({ state }) => state)).toEqual(heard === 0 ? [] : ['complete', 'partial']);
        expect(app.logs.at('error')).toEqual([]);
      });
    };
    // The embedded database cannot be interrupted: there a statement in flight runs to its end.
    if (backend === 'postgres') describe('inside a statement', insideStatements);

    it('and comes back to, going on from what was left', async () => {
      const who = await chatter();
      const { reply } = await midStream(who);
      reply.hangUp();
      await logged(CUT(who.session));
      app.reset();
      expect(await (await who.say('Go on').heard()).end()).toMatchObject({ state: 'completed' });
      expect(promptsOf(app.model.journal).at(-1)!.slice(1)).toEqual([
        { role: 'user', content: 'Tell me a story' },
        { role: 'assistant', content: longText(5) },
        { role: 'user', content: 'Go on' },
      ]);
    });
  });

  describe('that is cancelled', () => {
    it('tells a client that still listens why, after everything has stopped', async () => {
      const who = await chatter();
      const { reply } = await midStream(who);
      const cancelled = await who.cancel({ reason: 'enough' });
      const taskId = await reply.taskId();
      expect(cancelled).toEqual({ session_id: who.session, cancelled_count: 1, task_ids: [taskId], pending: true });
      const [call] = app.model.journal;
      expect(call!.outcome).toBe('client_closed');
      expect(await reply.end()).toEqual({
        task_id: taskId,
        state: 'cancelled',
        cause: 'scope',
        reason: 'enough',
        kind: 'chat_reply',
        usage: expect.objectContaining({ estimated: true, completion_tokens: call!.completionTokens }),
        receipt: expect.objectContaining({ stage: 'chat_reply', confirmed: true, zombies: [] }),
        result: null,
      });
      await reply.heard();
      expect(await who.lastReply()).toMatchObject({ state: 'partial', content: longText(5) });
      expect(app.logs.messages).toContain(`[ChatService] Chat reply cancelled by user (session=${who.session} user=learner)`);
      expect(app.logs.messages).toContain('[chat_reply] Cancelled by user, aborting LLM call');
      expect(app.logs.at('error').concat(app.logs.at('warn'))).toEqual([]);
    });

    it('is cancelled only once it is written what it had said', async () => {
      const who = await chatter();
      const { reply } = await midStream(who);
      const held = holdAfter(app.app.get(AbortContext), app.app.get(ChatMessagesRepository, { strict: false }), 'cut');
      const cancelled = who.cancel();
      await held.gate.reached;
      expect(await who.lastReply()).toMatchObject({ state: 'partial', content: longText(5) });
      expect((await taskOf(who, reply)).state).toBe('cancelling');
      held.gate.open();
      expect(await cancelled).toMatchObject({ cancelled_count: 1 });
      expect((await taskOf(who, reply)).state).toBe('cancelled');
    });

    it('by the task alone tells so as well', async () => {
      const who = await chatter();
      const { reply } = await midStream(who);
      await who.client.post(`/api/tasks/${await reply.taskId()}/cancel`, {}).answer;
      expect(await reply.end()).toMatchObject({ state: 'cancelled', cause: 'user', reason: null });
    });

    it('gives the same answer again, and none to a session where nothing is said', async () => {
      const who = await chatter();
      const { reply } = await midStream(who);
      const first = await who.cancel();
      expect(await who.cancel()).toEqual(first);
      await reply.heard();
      expect(await (await chatter()).cancel()).toMatchObject({ cancelled_count: 0, task_ids: [] });
    });

    it.each([
      ['without a body', undefined],
      ['with an empty body that is called JSON', ''],
      ['with nothing in its body', '{}'],
    ])('%s is cancelled', async (_, body) => {
      const who = await chatter();
      const { reply } = await midStream(who);
      const { authorization } = { authorization: `Bearer ${await app.app.get(TokenVerifier).issue('learner')}` };
      const answer = await fetch(`${app.url}/api/chat/sessions/${encodeURIComponent(who.session)}/cancel`, {
        method: 'POST',
        headers: { authorization, ...(body !== undefined && { 'content-type': 'application/json' }) },
        body,
      });
      expect(await answer.json()).toMatchObject({ cancelled_count: 1 });
      expect(await reply.end()).toMatchObject({ state: 'cancelled' });
    });

    it('leaves the next message alone, also from a client that says nothing of itself', async () => {
      const who = await chatter();
      await midStream(who);
      await who.cancel();
      expect(await (await who.say('Something else').heard()).end()).toMatchObject({ state: 'completed' });
    });

    it('before it comes: it is stopped at 0 work, and nothing of it is remembered', async () => {
      const who = await chatter();
      const client = { 'X-Client-Id': 'phone' };
      expect(await who.cancel({}, { ...client, 'X-Issued-At': '2000' })).toMatchObject({ cancelled_count: 0, pending: true });
      const late = await who.say('Too late', {}, { ...client, 'X-Issued-At': '1000' }).heard();
      expect(await late.status()).toBe(409);
      expect(await late.problem()).toMatchObject({ code: 'task_cancelled' });
      expect(await who.history()).toEqual([]);
      expect(app.model.journal).toEqual([]);
      const next = await who.say('In time', {}, { ...client, 'X-Issued-At': '3000' }).heard();
      expect(await next.end()).toMatchObject({ state: 'completed' });
    });

    it('when all is said but not yet written: what was said is partial, to its last word', async () => {
      const who = await chatter();
      const held = holdAfter(app.app.get(AbortContext), app.app.get(ChatMessagesRepository, { strict: false }), 'complete');
      const reply = who.say('Hello');
      await held.gate.reached;
      // The embedded database has one connection, which the reply holds: nobody can cancel there, but leave.
      const cancelled = backend === 'postgres' ? who.cancel() : undefined;
      if (!cancelled) reply.hangUp();
      await held.told();
      held.gate.open();
      await cancelled;
      await eventually(async () => (await taskOf(who, reply)).state === 'cancelled');
      await eventually(async () => {
        expect(await who.lastReply()).toMatchObject({ state: 'partial', content: app.model.journal[0]!.textSent });
      });
    });
  });

  describe('that the model fails', () => {
    it('in the middle of the stream ends as failed, and keeps what had been said', async () => {
      const who = await chatter();
      app.model.script('chat', { resetAfter: 3, text: longText(40) });
      const reply = await who.say('Hello').heard();
      expect(await reply.status()).toBe(200);
      expect(await reply.end()).toMatchObject({
        state: 'failed',
        problem: { code: 'upstream_error', detail: expect.stringContaining('could not be reached') },
        usage: { estimated: true },
      });
      expect(reply.text).toBe(longText(3));
      expect(await who.lastReply()).toMatchObject({ state: 'partial', content: longText(3) });
      expect(await taskOf(who, reply)).toMatchObject({ state: 'failed', error: { code: 'upstream_error' }, cancel: null });
      expect(app.logs.messages.filter((msg) => msg.includes('cancelled'))).toEqual([]);
      expect(app.logs.at('error')).toEqual([]);
    });

    it('from the first is told in the stream too, and holds up nobody', async () => {
      const who = await chatter();
      app.model.script('chat', { status: 400, body: { error: { message: 'no such model' } } }, { times: 1 });
      const reply = await who.say('Hello').heard();
      expect(reply.types).toEqual(['task-start', 'task-end']);
      expect(await reply.end()).toMatchObject({ state: 'failed', problem: { code: 'upstream_error' } });
      expect(await (await who.say('Hello again', { on_conflict: 'reject' }).heard()).end()).toMatchObject({ state: 'completed' });
    });

    it('in a way that nobody foresaw is an error in the log and nothing to the client', async () => {
      const who = await chatter();
      jest.spyOn(app.app.get(ChatMessagesRepository, { strict: false }), 'before').mockRejectedValue(new Error('secret'));
      const reply = await who.say('Hello').heard();
      expect(await reply.end()).toMatchObject({ state: 'failed', problem: { code: 'internal_error' } });
      expect(reply.raw).not.toContain('secret');
      await eventually(() => expect(app.logs.at('error').map(({ msg }) => msg)).toEqual(['[Tasks] Unexpected failure of a streamed task']));
    });
  });

  describe('that cannot begin', () => {
    it.each([
      ['an unknown book', { book_id: 99 }, 404, 'book_not_found'],
      ['no content', { content: ' ' }, 400, 'validation_failed'],
      ['too much content', { content: 'x'.repeat(8001) }, 400, 'validation_failed'],
      ['content that no database holds', { content: 'a\0b' }, 400, 'validation_failed'],
      ['a message id that is none', { message_id: '7' }, 400, 'validation_failed'],
      ['an unknown way out of a conflict', { on_conflict: 'ignore' }, 400, 'validation_failed'],
    ])('because of %s is an ordinary problem, and remembers nothing', async (_, body, status, code) => {
      const who = await chatter();
      const reply = await who.say('Hello', body).heard();
      expect([await reply.status(), (await reply.headers())['content-type']]).toEqual([
        status,
        expect.stringContaining('application/problem+json'),
      ]);
      expect(await reply.problem()).toMatchObject({ status, code });
      expect(await who.history()).toEqual([]);
      expect(app.model.journal).toEqual([]);
    });

    it.each(['a,b', ' ', 'tab\there'])('in a session called %j is an ordinary problem', async (session) => {
      const who = await Chatter.of(app, session);
      expect(await (await who.say('Hello').heard()).problem()).toMatchObject({
        code: 'validation_failed',
        detail: expect.stringMatching(/^\/param\/session_id: /),
      });
    });

    it('because its id was sent before is an ordinary problem, in any session, and the id of somebody else is free', async () => {
      const message_id = randomUUID();
      await (await chatter()).say('Hello', { message_id }).heard();
      const again = await (await chatter()).say('Hello again', { message_id: message_id.toUpperCase() }).heard();
      expect([await again.status(), (await again.problem()).code]).toEqual([409, 'message_exists']);
      const theirs = await (await chatter('somebody else')).say('Hello', { message_id }).heard();
      expect(await theirs.end()).toMatchObject({ state: 'completed' });
    });
  });

  describe('that is sent twice under one task', () => {
    it('is one reply: the second hears all of it at once', async () => {
      const who = await chatter();
      const headers = { 'X-Task-Id': randomUUID() };
      const first = await who.say('Hello', {}, headers).heard();
      const second = await who.say('Hello', {}, headers).heard();
      expect(second.text).toBe(first.text);
      expect(second.events).toEqual(first.events);
      expect(second.events.at(-1)).toEqual(first.events.at(-1));
      expect(await who.history()).toHaveLength(2);
      expect(app.model.journal).toHaveLength(1);
    });

    it('but says something else is a conflict', async () => {
      const who = await chatter();
      const headers = { 'X-Task-Id': randomUUID() };
      await who.say('Hello', {}, headers).heard();
      const other = await who.say('Something else', {}, headers).heard();
      expect([await other.status(), (await other.problem()).code]).toEqual([409, 'task_exists']);
    });
  });

  describe('that is remembered', () => {
    it('comes page by page, oldest first', async () => {
      const who = await chatter();
      for (const content of ['One', 'Two', 'Three']) await who.say(content).heard();
      const path = `/api/chat/sessions/${encodeURIComponent(who.session)}/messages?limit=4`;
      interface Page {
        readonly session_id: string;
        readonly messages: readonly { content: string; role: string }[];
        readonly next_cursor?: string;
      }
      const first = (await who.client.get(path).answer)!.json<Page>();
      expect(first.session_id).toBe(who.session);
      expect(first.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user', 'assistant']);
      const second = (await who.client.get(`${path}&cursor=${first.next_cursor!}`).answer)!.json<Page>();
      expect(second.messages.map(({ role }) => role)).toEqual(['user', 'assistant']);
      expect(second.messages[0]!.content).toBe('Three');
      expect(second.next_cursor).toBeUndefined();
      expect([...first.messages, ...second.messages]).toEqual(await who.history());
    });

    it.each(['x', Buffer.from('#-1').toString('base64url'), Buffer.from('1').toString('base64url')])(
      'takes no cursor that it has not given: %s',
      async (cursor) => {
        const answer = await (await app.client()).get(`/api/chat/sessions/x/messages?cursor=${cursor}`).answer;
        expect(answer!.json()).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/query/cursor' }] });
      },
    );

    it.each([undefined, { scope: 'hangup:admin' }])('is a learner’s own: another sees and stops nothing (%j)', async (options) => {
      const who = await chatter();
      const { reply, gate } = await midStream(who);
      const other = await Chatter.of(app, who.session, 'somebody else', options);
      expect(await other.history()).toEqual([]);
      expect(await other.cancel()).toMatchObject({ cancelled_count: 0, task_ids: [] });
      const message_id = (await reply.event('task-start')).data.message_id;
      expect(await other.cancel({ message_id })).toMatchObject({ cancelled_count: 0, task_ids: [] });
      const theirs = await other.say('Hello', { on_conflict: 'reject' }, { 'X-Client-Id': 'c', 'X-Issued-At': '1' }).heard();
      expect(await theirs.end()).toMatchObject({ state: 'completed' });
      gate.open();
      expect(await reply.end()).toMatchObject({ state: 'completed' });
      expect(await who.history()).toHaveLength(2);
      expect(await other.history()).toHaveLength(2);
    });
  });

  it('leaves every call in the ledger closed', async () => {
    expect(await LedgerReader.of(app).open()).toEqual([]);
  });
});
