import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { LiveTasks } from '../../src/tasks/index.js';
import { eventually, Gate, ScriptedModelServer } from '../../src/testing/index.js';
import { Chatter } from '../support/chat-client.js';
import { LedgerReader } from '../support/ledger.js';
import { rowsOf } from '../support/rows.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { longText } from '../support/tutor-model.js';

const IDLE_MS = 3000;
const STANDSTILL_MS = 3500;
const STANDSTILL_LOOKS = 200;
/** More than all sockets and buffers between the model and the client hold, by far. */
const ENDLESS = longText(300_000);

let app: TestApp;
let sessions = 0;

function startsWith(env: Readonly<Record<string, string>>): void {
  beforeAll(async () => {
    app = await startTestApp({ env });
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(async () => {
    expect(app.logs.at('error')).toEqual([]);
    await app.close();
  });
}

const chatter = (): Promise<Chatter> => Chatter.of(app, `read ${++sessions}`);

// With heartbeats as far apart as they are by default, so that who does not read is not cut within these tests.
describe('how a reply is read that waits for its reader:', () => {
  startsWith({ LLM_IDLE_TIMEOUT_MS: String(IDLE_MS) });

  /** Resolves with how much the model had sent when it sent no more: what sockets hold is a second's work, and more. */
  async function standstill({ journal }: ScriptedModelServer): Promise<number> {
    let [sent, since, looks] = [0, performance.now(), 0];
    return await eventually(
      () => {
        const { chunksSent } = journal[0]!;
        looks += 1;
        // Looks too, and not time alone: in a process that is held up nothing moves either.
        if (chunksSent === sent && sent > 0 && looks > STANDSTILL_LOOKS && performance.now() - since > STANDSTILL_MS) return sent;
        if (chunksSent !== sent) [sent, since, looks] = [chunksSent, performance.now(), 0];
        throw new Error(`still sending, ${sent} chunks so far`);
      },
      { timeoutMs: 80_000, message: 'a model that sends no more' },
    );
  }

  it('not at all: the model stops sending, memory does not grow, and leaving ends it', async () => {
    const who = await chatter();
    app.model.script('chat', { text: ENDLESS });
    const reply = who.say('Tell me everything').stopReading();
    const sent = await standstill(app.model);
    const [call] = app.model.journal;
    expect(call!.outcome).toBeUndefined();
    expect(call!.textSent.length).toBeLessThan(ENDLESS.length / 2);

    // The silence has been longer than the model may be silent: it is the reader's, and is not held against the model.
    expect(STANDSTILL_MS).toBeGreaterThan(IDLE_MS);
    reply.hangUp();
    expect(await app.model.ended(call!)).toMatchObject({ outcome: 'client_closed', chunksSent: sent });
    await eventually(() =>
      app.logs.messages.includes(`[ChatService] Chat reply cancelled by client disconnect (session=${who.session} user=learner)`),
    );
    expect(app.logs.messages).toContain('[chat_reply] Client disconnected, aborting LLM call');
    const { state, content } = await who.lastReply();
    expect(state).toBe('partial');
    expect(ENDLESS.startsWith(content)).toBe(true);
    process.stdout.write(
      `a client that reads nothing: the model stops after ${sent} chunks (${call!.textSent.length} of ${ENDLESS.length} characters)\n`,
    );
  }, 120_000);

  it('not at all, and cancelled from elsewhere: it ends all the same', async () => {
    const who = await chatter();
    app.model.script('chat', { text: ENDLESS });
    const reply = who.say('Tell me everything').stopReading();
    await standstill(app.model);
    expect(await who.cancel()).toMatchObject({ cancelled_count: 1 });
    expect(app.model.journal[0]!.outcome).toBe('client_closed');
    expect(app.logs.messages).toContain('[chat_reply] Cancelled by user, aborting LLM call');
    await reply.resumeReading();
    expect(await reply.end()).toMatchObject({ state: 'cancelled', cause: 'scope' });
  }, 120_000);

  it('late: all of it comes, and the reply is complete', async () => {
    const who = await chatter();
    const text = longText(20_000);
    app.model.script('chat', { text });
    const reply = who.say('Tell me a lot').stopReading();
    await reply.status();
    await reply.resumeReading();
    await reply.heard();
    expect(reply.events.at(-1)).toMatchObject({ type: 'task-end', data: { state: 'completed' } });
    expect(reply.text === text).toBe(true);
    expect((await who.lastReply()).content === text).toBe(true);
  });
});

describe('how a reply is read:', () => {
  startsWith({ HEARTBEAT_MS: '50' });

  it('with a heartbeat whenever nothing else comes, and with none while words come', async () => {
    const who = await chatter();
    const gate = new Gate();
    app.model.script('chat', { holdAfter: 3, gate });
    const reply = who.say('Hello');
    await eventually(() => reply.comments >= 3);
    expect(reply.raw).toContain('\n\n: \n\n');
    expect(reply.text).not.toBe('');
    gate.open();
    expect(await reply.end()).toMatchObject({ state: 'completed' });
  });

  it('with a heartbeat while it waits for its turn', async () => {
    const who = await chatter();
    const gate = new Gate();
    app.model.script('chat', { hold: gate });
    const first = who.say('First');
    await first.event('task-start');
    const second = who.say('Second', { on_conflict: 'enqueue' });
    await second.event('task-start');
    await eventually(() => second.comments >= 3);
    gate.open();
    expect(await second.end()).toMatchObject({ state: 'completed' });
  });

  it('by a second request for the same task, for which it goes on when the first has left', async () => {
    const who = await chatter();
    const headers = { 'X-Task-Id': randomUUID() };
    const gate = new Gate();
    app.model.script('chat', { holdAfter: 5, gate, text: longText(100) });
    const first = who.say('Hello', {}, headers);
    await app.model.sent(await app.model.called('chat'), 5);
    const second = who.say('Hello', {}, headers);
    await eventually(() => second.comments > 0);
    first.hangUp();
    await eventually(() => app.logs.messages.some((msg) => msg.startsWith('[http] 499')));
    gate.open();
    expect((await second.heard()).text).toBe(longText(100));
    expect(await second.end()).toMatchObject({ state: 'completed', result: { message_id: (await who.history())[0]!.id } });
  });

  it('of a task that is cancelled while a second request waits for it: both hear so', async () => {
    const who = await chatter();
    const headers = { 'X-Task-Id': randomUUID() };
    app.model.script('chat', { stallAfter: 5 });
    const first = who.say('Hello', {}, headers);
    await app.model.sent(await app.model.called('chat'), 5);
    const second = who.say('Hello', {}, headers);
    await eventually(() => second.comments > 0);
    await who.cancel();
    expect([await first.end(), await second.end()]).toMatchObject([{ state: 'cancelled' }, { state: 'cancelled' }]);
  });

  it('by twenty who leave, each a little later than the one before: nothing of them is left, and the next one hears all', async () => {
    app.model.script('chat', { stallAfter: 30, text: longText(40) }, { times: 20 });
    const chatters = await Promise.all(Array.from({ length: 20 }, () => chatter()));
    await Promise.all(
      chatters.map(async (who, n) => {
        const reply = who.say('Hello');
        await eventually(() => reply.events.length >= n);
        reply.hangUp();
      }),
    );
    await eventually(() => app.app.get(LiveTasks).all().length === 0);
    await eventually(() => app.model.journal.every(({ outcome }) => outcome !== undefined));
    expect(await LedgerReader.of(app).open()).toEqual([]);
    expect(await rowsOf(app, 'select 1 from tasks where finished_at is null')).toEqual([]);
    expect(await rowsOf(app, "select 1 from chat_messages where state in ('waiting', 'streaming')")).toEqual([]);
    app.reset();
    expect(await (await chatters[0]!.say('Hello again').heard()).end()).toMatchObject({ state: 'completed' });
  });
});
