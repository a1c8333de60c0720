import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { eventually, Gate } from '../../src/testing/index.js';
import { inBrowsers, type Tab } from '../support/browsers.js';
import { textPdf } from '../support/pdfs.js';
import { longText } from '../support/tutor-model.js';
import type { Asked, Button } from './page/drive.js';
import { Stage } from './stage.js';

/** What browsers open to one origin over HTTP/1.1. */
const CONNECTIONS = 6;
const RENDERS = 30;

inBrowsers('a page that renders itself all the time', (name) => {
  let stage: Stage;
  let tab: Tab;

  beforeAll(async () => {
    stage = await Stage.start(name);
  }, 60_000);
  beforeEach(async () => {
    tab = await stage.open();
  });
  afterEach(async () => {
    expect(await tab.evaluate(() => drive.complaints, undefined)).toEqual([]);
    await tab.close();
    expect(stage.app.logs.at('error')).toEqual([]);
    stage.arrivals.before = undefined;
    stage.app.reset();
  });
  afterAll(() => stage.close());

  const ask = (asked: Asked): Promise<void> => tab.evaluate((given) => void (drive.asked = given), asked);
  const press = (...buttons: readonly Button[]): Promise<void> => tab.evaluate((given) => drive.press(...given), buttons);
  const shown = () => tab.evaluate(() => drive.shown(), undefined);
  const task = (id: string) => stage.hangup.tasks.get(id);
  const asked = () => tab.evaluate(() => drive.tasks, undefined);
  const becomes = (status: string): Promise<unknown> => eventually(async () => (await shown()).status === status);
  const ends = (id: string, state: string): Promise<unknown> => eventually(async () => (await task(id)).state === state);
  const held = async (purpose: string): Promise<void> => stage.app.model.sent(await stage.app.model.called(purpose), 3);

  /** Whatever the page makes of what it has heard, it has made by then. */
  const storm = async (): Promise<void> => {
    const before = await tab.evaluate(() => drive.renders, undefined);
    await eventually(async () => (await tab.evaluate(() => drive.renders, undefined)) > before + RENDERS);
  };

  it('sends a cancel at once, however many streams are open or wait for a connection, and whether or not one is left for it', async () => {
    stage.app.model.script('chat', { stallAfter: 3, text: longText(20) });
    const ids = await tab.evaluate((count) => drive.crowd(count), CONNECTIONS + 2);
    const areHeard = (): Promise<boolean[]> => tab.evaluate((all) => all.map((id) => drive.isHeard(id)), ids);
    await eventually(async () => (await areHeard()).filter(Boolean).length === CONNECTIONS);
    const order = await areHeard();
    const [open, alsoOpen] = ids.filter((_, i) => order[i]);
    const waiting = ids.find((_, i) => !order[i])!;
    await press('go-quiz', 'read-books');
    await eventually(async () => Number((await shown()).books) > 0);
    await tab.evaluate((id) => drive.abort(id), waiting);
    await ends(waiting, 'cancelled');
    expect(stage.arrivals.asks(waiting)).toBe(0);
    await tab.evaluate((id) => drive.abort(id), open!);
    await ends(open!, 'cancelled');
    expect(await tab.evaluate((id) => drive.cancel(id), alsoOpen!)).toBe('cancelled');
    for (const id of ids.filter((each) => each !== alsoOpen)) await tab.evaluate((each) => drive.abort(each), id);
    await Promise.all(ids.map((id) => ends(id, 'cancelled')));
    expect(ids.map((id) => stage.arrivals.cancels(id))).toEqual(ids.map(() => 1));
  });

  it('keeps an answer from the page that was cleared, although it comes', async () => {
    const [gate, taskId] = [new Gate(), randomUUID()];
    stage.app.model.script('quiz', { holdAfter: 3, gate });
    await ask({ taskId, isDeaf: true });
    await press('go-quiz', 'run');
    await held('quiz');
    await press('reset');
    gate.open();
    await eventually(() => tab.evaluate(() => drive.heard === 1, undefined));
    await storm();
    expect(await shown()).toMatchObject({ status: 'idle', text: '' });
    expect((await task(taskId)).state).toBe('completed');
  });

  it('keeps what a stream still says from the page that has begun anew', async () => {
    const gate = new Gate();
    stage.app.model.script('chat', { text: 'The new answer' });
    stage.app.model.script('chat', { holdAfter: 3, gate, text: longText(20) }, { times: 1 });
    await ask({ isDeaf: true });
    await press('go-chat', 'run');
    await held('chat');
    await press('run');
    await becomes('done');
    const before = await tab.evaluate(() => drive.heard, undefined);
    gate.open();
    await eventually(() => tab.evaluate((heard) => drive.heard > heard + 10, before));
    await storm();
    expect(await shown()).toMatchObject({ status: 'done', text: 'The new answer' });
  });

  it('cancels what has not come yet: nothing is asked of the model, and the task is there, cancelled', async () => {
    const [door, taskId] = [new Gate(), randomUUID()];
    stage.arrivals.before = async ({ headers }) => {
      if (headers['x-task-id'] !== undefined) await door.wait();
    };
    await ask({ taskId, isUncut: true });
    await press('go-quiz', 'run', 'stop');
    expect((await shown()).status).toBe('cancelled');
    await ends(taskId, 'cancelled');
    await eventually(() => stage.arrivals.asks(taskId) === 1);
    door.open();
    await eventually(() => tab.evaluate(() => drive.heard === 1, undefined));
    expect(await task(taskId)).toMatchObject({ state: 'cancelled', cancel: { cause: 'user' }, receipt: { stage: null } });
    expect([stage.app.model.journal, stage.arrivals.cancels(taskId)]).toEqual([[], 1]);
  });

  it('neither cancels nor asks twice by rendering again', async () => {
    const [gate, taskId] = [new Gate(), randomUUID()];
    stage.app.model.script('quiz', { holdAfter: 3, gate });
    await ask({ taskId });
    await press('go-quiz');
    await tab.click('#run');
    await held('quiz');
    await storm();
    expect((await shown()).status).toBe('running');
    gate.open();
    await becomes('done');
    expect((await shown()).text.split('\n')).toHaveLength(3);
    expect([stage.arrivals.asks(taskId), stage.arrivals.cancels(taskId)]).toEqual([1, 0]);
  });

  it('goes on working after a reset: a run in the same tick completes and is shown, and so does whatever else is asked', async () => {
    const first = randomUUID();
    stage.app.model.script('quiz', { stallAfter: 3 }, { times: 1 });
    await ask({ taskId: first });
    await press('go-quiz', 'run');
    await held('quiz');
    await ask({});
    await press('reset', 'run', 'read-books');
    await becomes('done');
    await eventually(async () => Number((await shown()).books) > 0);
    expect((await shown()).text.split('\n')).toHaveLength(3);
    await ends(first, 'cancelled');
    expect(stage.arrivals.cancels(first)).toBe(1);
  });

  it('shows what was said so far of a reply that is stopped by its button, or from elsewhere', async () => {
    stage.app.model.script('chat', { stallAfter: 3, text: longText(20) });
    const taskId = randomUUID();
    await press('go-chat', 'run');
    await eventually(async () => (await shown()).text !== '');
    await tab.click('#stop');
    const { text, ...rest } = await shown();
    expect([text === '', rest]).toEqual([false, expect.objectContaining({ status: 'cancelled', error: '' })]);
    await ask({ taskId });
    await press('run');
    await eventually(async () => (await shown()).text !== '');
    await stage.hangup.tasks.cancel(taskId);
    await becomes('cancelled');
    expect(await shown()).toMatchObject({ error: 'AbortError' });
    stage.app.model.script('chat', { status: 400, body: { error: { message: 'no' } } });
    await ask({});
    await press('run');
    await becomes('failed');
    expect(await shown()).toMatchObject({ text: '', error: 'HangupError' });
  });

  it('asks once more where React mounts twice, for the children too, and asks nothing once it has gone', async () => {
    await press('go-eager');
    await becomes('done');
    const [first, second, ...rest] = await asked();
    expect([(await shown()).text, rest]).toEqual([second, []]);
    await ends(first!, 'cancelled');
    await press('go-elsewhere');
    await tab.evaluate(() => drive.runAgain(), undefined);
    await storm();
    expect([await asked(), stage.arrivals.cancels(second!)]).toEqual([[first, second], 0]);
  });

  it('goes on with a task while React waits for something else in its place', async () => {
    const gate = new Gate();
    stage.app.model.script('quiz', { holdAfter: 3, gate });
    await press('go-patient', 'run');
    await held('quiz');
    await press('suspend');
    await eventually(async () => (await shown()).books === 'waits');
    await storm();
    await press('resume');
    await eventually(async () => (await shown()).books === 'waited');
    gate.open();
    await becomes('done');
    expect(await asked()).toEqual([(await shown()).text]);
  });

  it('leaves a task to its policy where its document goes without a word', async () => {
    stage.app.model.script('quiz', { stallAfter: 3 });
    stage.app.model.script('chat', { stallAfter: 3, text: longText(20) });
    const [call, stream] = [randomUUID(), randomUUID()];
    const other = await stage.open();
    await other.evaluate((taskId) => {
      drive.asked = { taskId, onDisconnect: 'grace=500' };
      drive.press('go-chat', 'run');
    }, stream);
    await ask({ taskId: call });
    await press('go-quiz', 'run');
    await Promise.all([held('quiz'), held('chat')]);
    await Promise.all([tab.goto(stage.url), other.close()]);
    await Promise.all([ends(call, 'cancelled'), ends(stream, 'cancelled')]);
    const tasks = await Promise.all([task(call), task(stream)]);
    expect(tasks.map(({ cancel }) => cancel?.cause)).toEqual(['client_disconnect', 'client_disconnect']);
    expect([stage.arrivals.cancels(call), stage.arrivals.cancels(stream)]).toEqual([0, 0]);
  });

  it('puts and uploads from its origin, and is told of bytes as they leave', async () => {
    expect(await tab.evaluate(() => drive.putResources(), undefined)).toBe(1);
    const file = await textPdf(['Tea is a drink. It is made of leaves and hot water, and it is drunk all over the world.']);
    const { taskId, loaded } = await tab.evaluate((bytes) => drive.upload(bytes), [...file]);
    expect(loaded).toBeGreaterThan(file.length);
    await ends(taskId, 'completed');
  });
});
