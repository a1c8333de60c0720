import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { LiveTasks } from '../../src/tasks/index.js';
import { eventually, Gate, type Call } from '../../src/testing/index.js';
import type { ModelCall } from '../../src/llm/offline/index.js';
import { runsPostgres } from '../support/backends.js';
import { answerOf, newId, TaskClient } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

/** So rare that whatever travels between the two has to come by push. */
const HEARTBEAT = { LEASE_HEARTBEAT_MS: '1000', LEASE_MS: '90000' };

(runsPostgres ? describe : describe.skip)('two instances on one PostgreSQL', () => {
  let first: TestApp;
  let second: TestApp;
  let phone: TaskClient;
  let elsewhere: TaskClient;

  beforeAll(async () => {
    first = await startTestApp({ backend: 'postgres', env: HEARTBEAT });
    second = await startTestApp({ beside: first, env: HEARTBEAT });
    [phone, elsewhere] = [new TaskClient(await first.client()), new TaskClient(await second.client())];
  }, 60_000);
  afterEach(() => first.reset());
  afterAll(async () => {
    await second.close();
    await first.close();
  });

  const live = (id: string) => first.app.get(LiveTasks).find({ owner: 'learner', id });

  async function underWay(id: string): Promise<{ call: Call; upstream: ModelCall; gate: Gate }> {
    const gate = new Gate();
    first.model.script('quiz', { holdAfter: 5, gate });
    const call = phone.quiz(id);
    const upstream = await first.model.called('quiz');
    await first.model.sent(upstream, 5);
    return { call, upstream, gate };
  }

  it('cancel each other’s tasks', async () => {
    const id = newId();
    const { call, upstream } = await underWay(id);
    expect(await elsewhere.cancelled(id, { reason: 'from the other' })).toMatchObject({ status: 'cancelled', reason: 'from the other' });
    expect(upstream.outcome).toBe('client_closed');
    expect((await answerOf(call)).json()).toMatchObject({ code: 'task_cancelled', detail: 'from the other' });
  });

  it('give a request that is sent again to the other one answer, though the first is hung up on', async () => {
    const id = newId();
    const { call, gate } = await underWay(id);
    const again = elsewhere.quiz(id);
    await eventually(() => live(id)?.isAwaitedElsewhere === true);
    await call.hangUp();
    await eventually(() => live(id)?.waiting === 0);
    expect(live(id)?.scope?.signal.aborted).toBe(false);
    gate.open();
    const answer = await answerOf(again);
    expect([answer.status, answer.json<{ task_id: string }>().task_id]).toEqual([200, id]);
    expect(first.model.journal.filter(({ purpose }) => purpose === 'quiz')).toHaveLength(1);
  });

  it('stop it when the last of those who wait has gone, whichever instance they waited on', async () => {
    const id = newId();
    const { call, upstream } = await underWay(id);
    const again = elsewhere.quiz(id);
    await eventually(() => live(id)?.isAwaitedElsewhere === true);
    await call.hangUp();
    await eventually(() => live(id)?.waiting === 0);
    expect(upstream.outcome).toBeUndefined();
    await again.hangUp();
    expect((await first.model.ended(upstream)).outcome).toBe('client_closed');
    await eventually(async () => (await elsewhere.task(id)).state === 'cancelled');
    expect((await elsewhere.task(id)).cancel?.cause).toBe('client_disconnect');
  });

  it('tell a reader of the one what becomes of a task on the other', async () => {
    const id = newId();
    const { call } = await underWay(id);
    const events = elsewhere.client.get(`/api/tasks/${id}/events`);
    await elsewhere.cancel(id);
    await call.answer;
    expect((await answerOf(events)).text).toMatch(/event: task-end\n(.*\n)*data: \{"task_id":.*"state":"cancelled"/);
  });
});
