import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { DisconnectTurns } from '../../src/abort/disconnect-turns.js';
import { ChatMessagesRepository } from '../../src/chat/chat-messages.repository.js';
import { eventually, Gate } from '../../src/testing/index.js';
import { backends, runsPostgres, type Backend } from '../support/backends.js';
import { Chatter, type LiveReply } from '../support/chat-client.js';
import { DatabaseWatch } from '../support/locks.js';
import { rowsOf } from '../support/rows.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { longText, replyTo } from '../support/tutor-model.js';

let app: TestApp;
let sessions = 0;

/** A reply that says five chunks, and the rest once its gate is opened. */
interface Speaker {
  readonly who: Chatter;
  readonly reply: LiveReply;
  readonly gate: Gate;
}

async function speaker(): Promise<Speaker> {
  const who = await Chatter.of(app, `draft ${++sessions}`);
  const gate = new Gate();
  app.model.script(replyTo(who.session), { holdAfter: 5, gate, stallAfter: 9, text: longText(40) });
  const reply = who.say(who.session);
  await eventually(() => reply.text === longText(5));
  return { who, reply, gate };
}

async function speakers(count: number): Promise<Speaker[]> {
  return await Promise.all(Array.from({ length: count }, speaker));
}

/** Resolves once so much of the reply is written down while it is made. */
async function kept({ who }: Speaker, chunks: number): Promise<void> {
  await eventually(async () => expect(await who.lastReply()).toMatchObject({ state: 'streaming', content: longText(chunks) }));
}

async function leave({ reply, who }: Speaker): Promise<void> {
  const content = reply.text;
  reply.hangUp();
  await eventually(async () => expect(await who.lastReply()).toMatchObject({ state: 'partial', content }));
}

const failures = () => app.logs.at('warn').filter(({ msg }) => msg === '[ChatService] What replies have said so far could not be kept');
const drafts = () => app.queries.reports.filter(({ sql }) => sql.includes('with said as'));

describe.each(backends)('what replies have said so far, on %s', (backend: Backend) => {
  beforeAll(async () => {
    app = await startTestApp({ backend });
  }, 60_000);
  afterEach(() => {
    jest.restoreAllMocks();
    app.reset();
  });
  afterAll(() => app.close());

  it('is written down for many of them with one statement, for as long as they say something', async () => {
    const keep = jest.spyOn(app.app.get(ChatMessagesRepository), 'keep').mockResolvedValue(new Set());
    const all = await speakers(12);
    keep.mockRestore();
    for (const each of all) await kept(each, 5);
    expect(drafts()).toHaveLength(1);
    for (const { gate } of all) gate.open();
    for (const each of all) await kept(each, 9);
    for (const each of all) await leave(each);
  });
});

describe('what a reply has said so far', () => {
  beforeAll(async () => {
    app = await startTestApp();
  }, 60_000);
  afterEach(() => {
    jest.restoreAllMocks();
    app.reset();
  });
  afterAll(() => app.close());

  it('is written down no second time where they have said nothing since', async () => {
    const version = async ({ who }: Speaker) =>
      (
        await rowsOf(
          app,
          `select xmin::text from chat_messages where content != '' and session_id = '${who.session}' and role = 'assistant'`,
        )
      )[0];
    const first = await speaker();
    await kept(first, 5);
    const before = await version(first);
    const second = await speaker();
    await kept(second, 5);
    expect(before).toEqual({ xmin: expect.any(String) });
    expect(await version(first)).toEqual(before);
    for (const each of [first, second]) await leave(each);
  });

  it('is of no concern any more once it is over', async () => {
    const keep = jest.spyOn(app.app.get(ChatMessagesRepository), 'keep');
    const over = await (await Chatter.of(app, `draft ${++sessions}`)).say('Hello').heard();
    const { reply_id } = (await over.event('task-start')).data;
    keep.mockClear();
    const one = await speaker();
    await kept(one, 5);
    const ids = keep.mock.calls.flatMap(([drafts]) => drafts.map(({ id }) => id));
    expect(ids.length).toBeGreaterThan(0);
    expect(ids).not.toContain(reply_id);
    await leave(one);
  });

  it('is tried again a second later where it could not be written, and ends no reply', async () => {
    const error = new Error('the disk is full');
    const keep = jest.spyOn(app.app.get(ChatMessagesRepository), 'keep').mockRejectedValueOnce(error);
    const one = await speaker();
    await kept(one, 5);
    expect(keep.mock.calls.length).toBeGreaterThan(1);
    expect(failures()).toMatchObject([{ err: { message: error.message } }]);
    await leave(one);
  });

  it('is not written down any more once its client has left, though it waits to unwind', async () => {
    const messages = app.app.get(ChatMessagesRepository);
    const keep = jest.spyOn(messages, 'keep').mockResolvedValue(new Set());
    const [gone, here] = [await speaker(), await speaker()];
    const held: (() => void)[] = [];
    const unwind = jest.spyOn(app.app.get(DisconnectTurns), 'unwind').mockImplementation((fn) => void held.push(fn));
    gone.reply.hangUp();
    await eventually(() => app.model.journal.some(({ outcome }) => outcome === 'client_closed'));
    keep.mockRestore();
    await kept(here, 5);
    expect(await gone.who.lastReply()).toMatchObject({ state: 'streaming', content: '' });
    unwind.mockRestore();
    for (const fn of held) fn();
    await eventually(async () => expect(await gone.who.lastReply()).toMatchObject({ state: 'partial', content: longText(5) }));
    await leave(here);
  });
});

(runsPostgres ? describe : describe.skip)('what a reply has said so far, where it cannot be written', () => {
  let watch: DatabaseWatch;

  beforeAll(async () => {
    app = await startTestApp({ backend: 'postgres' });
    watch = await DatabaseWatch.open(app.databaseUrl!);
  }, 60_000);
  afterEach(async () => {
    await watch.unlock();
    app.reset();
  });
  afterAll(async () => {
    await watch.close();
    await app.close();
  });

  it('because its row is locked, is passed over and keeps nobody else waiting, and is written down once it is free', async () => {
    const [locked, free] = [await speaker(), await speaker()];
    await watch.lockRows('select 1 from chat_messages where session_id = $1', [locked.who.session]);
    const before = await locked.who.lastReply();
    locked.gate.open();
    free.gate.open();
    await kept(free, 9);
    expect(await locked.who.lastReply()).toEqual(before);
    await watch.unlock();
    await kept(locked, 9);
    for (const each of [locked, free]) await leave(each);
  });

  it('because the database hangs, is given up after a while, and tried again', async () => {
    const one = await speaker();
    await kept(one, 5);
    await watch.lock('chat_messages');
    one.gate.open();
    await watch.waiting();
    await eventually(() => expect(failures()).toMatchObject([{ err: { type: 'DeadlineExceededError' } }]), { timeoutMs: 15_000 });
    await watch.unlock();
    await kept(one, 9);
    await leave(one);
  });
});
