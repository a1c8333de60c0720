import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { LiveTasks, Tasks, type TaskView } from '../../src/tasks/index.js';
import { eventually, Gate, type Call } from '../../src/testing/index.js';
import type { ModelCall } from '../../src/llm/offline/index.js';
import { backends, runsPostgres, type Backend } from '../support/backends.js';
import { EventClient } from '../support/event-client.js';
import { rowsOf } from '../support/rows.js';
import { answerOf, QUIZ, TaskClient } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const LONG = 'grace=60000';

interface Held {
  readonly id: string;
  readonly call: Call;
  readonly upstream: ModelCall;
  readonly gate: Gate;
}

/** A quiz that is held in the middle of the model's answer. */
async function held(app: TestApp, phone: TaskClient, policy: string, headers: Readonly<Record<string, string>> = {}): Promise<Held> {
  const [id, gate] = [randomUUID(), new Gate()];
  app.model.script('quiz', { holdAfter: 5, gate }, { times: 1 });
  const call = phone.quiz(id, { 'x-on-disconnect': policy, ...headers });
  const upstream = await app.model.called('quiz');
  await app.model.sent(upstream, 5);
  return { id, call, upstream, gate };
}

describe.each(backends)('a client that leaves, on %s', (backend: Backend) => {
  let app: TestApp;
  let phone: TaskClient;
  let reader: EventClient;

  beforeAll(async () => {
    app = await startTestApp({ backend });
    phone = new TaskClient(await app.client());
    reader = await EventClient.of(app);
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(async () => {
    expect(app.logs.at('error')).toEqual([]);
    await app.close();
  });

  const live = (id: string) => app.app.get(LiveTasks).find({ owner: 'learner', id });
  const ended = (id: string): Promise<TaskView> =>
    eventually(
      async () => {
        const task = await phone.task(id);
        if (task.finished_at === null) throw new Error(task.state);
        return task;
      },
      { timeoutMs: 10_000 },
    );

  async function left(policy: string, headers: Readonly<Record<string, string>> = {}): Promise<Held> {
    const quiz = await held(app, phone, policy, headers);
    await quiz.call.hangUp();
    await eventually(() => live(quiz.id)?.waiting === 0);
    return quiz;
  }

  const calls = (): string[] => app.model.journal.map(({ purpose, outcome }) => `${purpose} ${outcome}`);
  const WHOLE = ['embeddings completed', 'quiz completed', 'quiz_evaluation completed'];

  describe('with continue', () => {
    it('leaves work that goes on, whose answer is fetched later', async () => {
      const { id, upstream, gate } = await left('continue');
      expect([upstream.outcome, live(id)?.scope?.signal.aborted]).toEqual([undefined, false]);
      gate.open();
      expect(await ended(id)).toMatchObject({ state: 'completed', cancel: null, receipt: null });
      const result = (await answerOf(phone.client.get(`/api/tasks/${id}/result`))).json<{ result: unknown }>();
      // Asking again is answered with the same, without a second run.
      expect((await answerOf(phone.quiz(id))).json()).toEqual(result.result);
      expect(calls()).toEqual(WHOLE);
      expect(app.logs.messages.filter((msg) => msg.startsWith('[http] 499'))).toHaveLength(1);
    });

    it('leaves a stream that can be gone on with from where it was', async () => {
      const [id, gate] = [randomUUID(), new Gate()];
      app.model.script('quiz', { holdAfter: 5, gate });
      const stream = reader.quiz(id, QUIZ, { 'x-on-disconnect': 'continue' });
      await stream.event('stage-start', 3);
      stream.hangUp();
      const heard = await stream.heard();
      gate.open();
      const rest = await reader.follow(id, { after: heard.at(-1)!.id }).heard();
      const all = await reader.follow(id).heard();
      expect([...heard, ...rest]).toEqual(all);
      expect(all.at(-1)!.data).toMatchObject({ state: 'completed' });
    });
  });

  describe('with a grace', () => {
    it('and comes back in time finds its work as it was: no call is made twice', async () => {
      const { id, upstream, gate } = await left(LONG);
      const back = reader.follow(id, { query: '?attach=1' });
      await eventually(() => live(id)?.waiting === 1);
      expect(upstream.outcome).toBeUndefined();
      gate.open();
      await back.heard();
      expect(back.events.at(-1)!.data).toMatchObject({ state: 'completed' });
      expect(calls()).toEqual(WHOLE);
    });

    it('and asks again for the same gets the answer that it had asked for', async () => {
      const { id, gate } = await left(LONG);
      const again = phone.quiz(id);
      await eventually(() => live(id)?.waiting === 1);
      gate.open();
      expect((await answerOf(again)).json()).toMatchObject({ task_id: id });
      expect(calls()).toEqual(WHOLE);
    });

    it('and does not come back: the work stops when the grace ends, and the receipt says so', async () => {
      const { id, upstream } = await left('grace=300');
      expect(upstream.outcome).toBeUndefined();
      expect((await app.model.ended(upstream)).outcome).toBe('client_closed');
      expect(await ended(id)).toMatchObject({
        state: 'cancelled',
        cancel: { cause: 'client_disconnect', reason: 'The client did not come back within 300 ms.', by: null },
        receipt: { grace_ms: 300, stage: 'generate_quiz', confirmed: true, layers: expect.arrayContaining([expect.anything()]) },
      });
      expect(app.logs.messages).toContain('[generate_quiz] Client disconnected, aborting LLM call');
    });

    it('and comes back and leaves again has another grace, from then on', async () => {
      const { id, upstream, gate } = await left('grace=400');
      const back = reader.follow(id, { query: '?attach=1' });
      await eventually(() => live(id)?.waiting === 1);
      await eventually(async () => (await until(app, id))[0]?.attached_until === null);
      back.hangUp();
      await eventually(async () => (await until(app, id))[0]?.attached_until !== null);
      expect(upstream.outcome).toBeUndefined();
      expect(await ended(id)).toMatchObject({ state: 'cancelled', receipt: { grace_ms: 400 } });
      gate.open();
    });

    it('and only reads, without being attached, is nobody who waits', async () => {
      const { id } = await left('grace=300');
      const watching = reader.follow(id);
      expect((await watching.event('task-end')).data).toMatchObject({ state: 'cancelled', cause: 'client_disconnect' });
    });

    it('leaves nothing behind where the task ends within it', async () => {
      const { id, gate } = await left(LONG);
      gate.open();
      expect(await ended(id)).toMatchObject({ state: 'completed' });
      await eventually(() => live(id) === undefined);
    });
  });

  describe.each(['continue', LONG])('with %s', (policy) => {
    it('is cut through by a cancel', async () => {
      const { id, upstream } = await left(policy);
      expect(await phone.cancelled(id)).toMatchObject({ status: 'cancelled', receipt: { confirmed: true } });
      expect(upstream.outcome).toBe('client_closed');
      expect((await phone.task(id)).cancel?.cause).toBe('user');
    });

    it('is cut through by a deadline', async () => {
      const { id, upstream } = await left(policy, { 'x-deadline-ms': '1500' });
      expect((await app.model.ended(upstream)).outcome).toBe('client_closed');
      expect((await ended(id)).cancel?.cause).toBe('deadline');
    });
  });

  it('with cancel, which is the default, is the end of its work at once', async () => {
    for (const policy of ['cancel', '']) {
      const { id, call, upstream } = await held(app, phone, policy);
      await call.hangUp();
      expect((await app.model.ended(upstream)).outcome).toBe('client_closed');
      const { cancel, receipt } = await ended(id);
      expect([cancel?.cause, receipt && 'grace_ms' in receipt]).toEqual(['client_disconnect', false]);
      app.reset();
    }
  });

  it('with cancel: not while somebody else is attached, but with the last of them', async () => {
    const { id, call, upstream } = await held(app, phone, 'cancel');
    const attached = reader.follow(id, { query: '?attach=1' });
    await eventually(() => live(id)?.waiting === 2);
    await call.hangUp();
    await eventually(() => live(id)?.waiting === 1);
    expect(live(id)?.scope?.signal.aborted).toBe(false);
    attached.hangUp();
    expect((await app.model.ended(upstream)).outcome).toBe('client_closed');
    expect((await ended(id)).cancel?.cause).toBe('client_disconnect');
  });

  it.each(['never', 'grace', 'grace=0', 'grace=-1', 'grace=600001', 'cancel, continue'])(
    'with %s is told what may be said',
    async (policy) => {
      const answer = await answerOf(phone.quiz(randomUUID(), { 'x-on-disconnect': policy }));
      expect([answer.status, answer.json()]).toMatchObject([400, { errors: [{ pointer: '/header/x-on-disconnect' }] }]);
      expect(app.model.journal).toEqual([]);
    },
  );
});

describe.each(['continue', LONG])('a server that leaves while work goes on with %s', (policy) => {
  it('aborts it when its time is up', async () => {
    const app = await startTestApp({ env: { DRAIN_TIMEOUT_MS: '100' } });
    const { id, call, upstream } = await held(app, new TaskClient(await app.client()), policy);
    await call.hangUp();
    await eventually(() => app.app.get(LiveTasks).find({ owner: 'learner', id })?.waiting === 0);
    await app.app.get(Tasks).drain(AbortSignal.abort());
    expect((await app.model.ended(upstream)).outcome).toBe('client_closed');
    expect(await rowsOf(app, `select state, cancel->>'cause' as cause from tasks where id = '${id}'`)).toEqual([
      { state: 'cancelled', cause: 'drain' },
    ]);
    await app.close();
  }, 60_000);
});

const onTwo = runsPostgres ? describe : describe.skip;
onTwo('a client that comes back to another instance', () => {
  let first: TestApp;
  let second: TestApp;
  let phone: TaskClient;
  let elsewhere: TaskClient;
  let reader: EventClient;

  beforeAll(async () => {
    first = await startTestApp({ backend: 'postgres' });
    second = await startTestApp({ beside: first });
    [phone, elsewhere] = [new TaskClient(await first.client()), new TaskClient(await second.client())];
    reader = await EventClient.of(second);
  }, 60_000);
  afterEach(() => first.reset());
  afterAll(async () => {
    expect([...first.logs.at('error'), ...second.logs.at('error')]).toEqual([]);
    await second.close();
    await first.close();
  });

  const GRACE_MS = 1500;

  it.each(['the same instance', 'another instance'])(
    'with grace=3000, after two seconds, to %s: the same answer, and no call twice',
    async (where) => {
      const { id, call, gate } = await held(first, phone, 'grace=3000');
      await call.hangUp();
      await eventually(async () => ((await leadOf(first, id)) ?? Infinity) < 1000, { timeoutMs: 15_000 });
      const back = (where === 'another instance' ? reader : await EventClient.of(first)).follow(id, { query: '?attach=1' });
      // It is known to be back once its grace has been put off, or undone.
      await eventually(async () => ((await leadOf(first, id)) ?? Infinity) > 3000);
      gate.open();
      await back.heard();
      const { result } = back.events.at(-1)!.data;
      expect((await answerOf(phone.quiz(id))).json()).toEqual(result);
      expect(first.model.journal.map(({ purpose }) => purpose)).toEqual(['embeddings', 'quiz', 'quiz_evaluation']);
    },
  );

  it('with grace=3000 not at all: the work stops when the grace has ended, and not before', async () => {
    const { id, call, upstream } = await held(first, phone, 'grace=3000');
    await call.hangUp();
    await eventually(async () => (await until(first, id))[0]?.attached_until !== null);
    const [begun] = await until(first, id);
    expect((await first.model.ended(upstream)).outcome).toBe('client_closed');
    await eventually(async () => (await elsewhere.task(id)).state === 'cancelled');
    const { cancel, receipt } = await elsewhere.task(id);
    expect([cancel?.cause, receipt?.grace_ms]).toEqual(['client_disconnect', 3000]);
    expect(Date.parse(cancel!.requested_at)).toBeGreaterThanOrEqual(begun!.attached_until!.getTime());
  });

  it('within its grace goes on where it was, and keeps its work for as long as it stays', async () => {
    const { id, call, upstream, gate } = await held(first, phone, `grace=${GRACE_MS}`);
    await call.hangUp();
    await eventually(async () => (await until(first, id))[0]?.attached_until !== null);
    const [begun] = await until(first, id);
    const back = reader.follow(id, { query: '?attach=1' });
    // The end that was written when the client left has passed, and again, and the work is still there.
    await eventually(async () => await isPast(first, begun!.attached_until!, 2 * GRACE_MS), { timeoutMs: 15_000 });
    expect(upstream.outcome).toBeUndefined();
    gate.open();
    await back.heard();
    expect(back.events.at(-1)!.data).toMatchObject({ state: 'completed', result: { task_id: id } });
    expect(first.model.journal.filter(({ purpose }) => purpose === 'quiz')).toHaveLength(1);
  });

  it('and leaves it again: the work stops a grace later', async () => {
    const { id, call, upstream } = await held(first, phone, `grace=${GRACE_MS}`);
    await call.hangUp();
    await eventually(async () => (await until(first, id))[0]?.attached_until !== null);
    const back = reader.follow(id, { query: '?attach=1' });
    await back.event('stage-start', 3);
    back.hangUp();
    expect((await first.model.ended(upstream)).outcome).toBe('client_closed');
    await eventually(async () => (await elsewhere.task(id)).state === 'cancelled');
    expect((await elsewhere.task(id)).receipt).toMatchObject({ grace_ms: GRACE_MS });
  });

  it('and asks again there gets the answer of the first', async () => {
    const { id, call, gate } = await held(first, phone, `grace=${GRACE_MS}`);
    await call.hangUp();
    const again = elsewhere.quiz(id);
    await eventually(async () => ((await leadOf(first, id)) ?? 0) > GRACE_MS);
    gate.open();
    expect((await answerOf(again)).json()).toMatchObject({ task_id: id });
    expect(first.model.journal.filter(({ purpose }) => purpose === 'quiz')).toHaveLength(1);
  });

  it('and asks again there, and leaves once more: the work stops a grace later', async () => {
    const { id, call, upstream } = await held(first, phone, `grace=${GRACE_MS}`);
    await call.hangUp();
    const again = elsewhere.quiz(id, { 'x-on-disconnect': `grace=${GRACE_MS}` });
    await eventually(async () => ((await leadOf(first, id)) ?? 0) > GRACE_MS);
    await again.hangUp();
    expect((await first.model.ended(upstream)).outcome).toBe('client_closed');
    await eventually(async () => (await elsewhere.task(id)).state === 'cancelled');
    expect((await elsewhere.task(id)).receipt).toMatchObject({ grace_ms: GRACE_MS });
  });

  it('too late is told how it ended', async () => {
    const { id, call } = await held(first, phone, 'grace=200');
    await call.hangUp();
    await eventually(async () => (await elsewhere.task(id)).state === 'cancelled');
    expect((await reader.follow(id, { query: '?attach=1' }).event('task-end')).data).toMatchObject({ cause: 'client_disconnect' });
    expect((await answerOf(elsewhere.quiz(id))).json()).toMatchObject({ code: 'task_cancelled' });
  });

  it('ends a grace that its owner does not notice the end of', async () => {
    const { id, call, upstream } = await held(first, phone, LONG);
    await call.hangUp();
    await eventually(async () => (await until(first, id))[0]?.attached_until !== null);
    // As a clock that jumps, or an owner whose timer never fires: the row alone says that the time is up.
    await rowsOf(first, `update tasks set attached_until = clock_timestamp() - interval '5 seconds' where id = '${id}'`);
    expect((await first.model.ended(upstream)).outcome).toBe('client_closed');
    await eventually(async () => (await elsewhere.task(id)).state === 'cancelled');
    expect(await elsewhere.task(id)).toMatchObject({
      cancel: { cause: 'client_disconnect' },
      receipt: { confirmed: true, grace_ms: 60_000 },
    });
  });
});

function until(app: TestApp, id: string): Promise<{ attached_until: Date | null }[]> {
  return rowsOf(app, `select attached_until from tasks where id = '${id}'`);
}

async function isPast(app: TestApp, time: Date, byMs: number): Promise<boolean> {
  const [row] = await rowsOf<{ is_past: boolean }>(
    app,
    `select clock_timestamp() > '${time.toISOString()}'::timestamptz + ${byMs} * interval '1 ms' as is_past`,
  );
  return row?.is_past ?? false;
}

/** How long, in milliseconds, the task is waited for without another word. */
async function leadOf(app: TestApp, id: string): Promise<number | undefined> {
  const [row] = await rowsOf<{ lead: number }>(
    app,
    `select (extract(epoch from attached_until - clock_timestamp()) * 1000)::float8 as lead from tasks where id = '${id}'`,
  );
  return row?.lead;
}
