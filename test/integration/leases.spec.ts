import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { LiveTasks } from '../../src/tasks/index.js';
import { eventually, Gate, type Call } from '../../src/testing/index.js';
import type { ModelCall } from '../../src/llm/offline/index.js';
import { backends, type Backend } from '../support/backends.js';
import { DatabaseWatch } from '../support/locks.js';
import { rowsOf } from '../support/rows.js';
import { answerOf, newId, TaskClient } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const LEASE = { LEASE_HEARTBEAT_MS: '100', LEASE_MS: '1000' };
const CANCEL = `jsonb_build_object('cause', 'user', 'reason', 'from elsewhere', 'by', 'learner', 'requested_at', '2026-11-24T12:00:00.000Z')`;

describe.each(backends)('leases, on %s', (backend: Backend) => {
  let app: TestApp;
  let learner: TaskClient;

  beforeAll(async () => {
    app = await startTestApp({ backend, env: LEASE });
    learner = new TaskClient(await app.client());
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(() => app.close());

  async function underWay(): Promise<{ id: string; call: Call; upstream: ModelCall }> {
    const id = newId();
    app.model.script('quiz', { holdAfter: 5, gate: new Gate() });
    const call = learner.quiz(id);
    const upstream = await app.model.called('quiz');
    await app.model.sent(upstream, 5);
    return { id, call, upstream };
  }

  /** A task of an instance that no longer exists. */
  async function orphan(state: 'running' | 'cancelling', leaseUntil: string): Promise<string> {
    const id = newId();
    const cancel = state === 'cancelling' ? CANCEL : 'null';
    await rowsOf(
      app,
      `insert into tasks (owner, id, kind, state, input_hash, started_at, instance_id, lease_until, stage, cancel)
       values ('learner', '${id}', 'quiz_generation', '${state}', 'x', now(), 'gone', ${leaseUntil}, 'generate_quiz', ${cancel})`,
    );
    return id;
  }

  it('are renewed for as long as the work lasts', async () => {
    const { id, call } = await underWay();
    const leaseOf = async (): Promise<number> => {
      const [row] = await rowsOf<{ left: number }>(
        app,
        `select extract(epoch from lease_until)::float8 as left from tasks where id = '${id}'`,
      );
      return row?.left ?? 0;
    };
    const first = await leaseOf();
    await eventually(async () => (await leaseOf()) > first + 1);
    expect((await learner.task(id)).state).toBe('running');
    await learner.cancel(id);
    await call.answer;
  });

  it('bring a cancel that no push has brought, with who asked and why', async () => {
    const { id, call, upstream } = await underWay();
    await rowsOf(app, `update tasks set state = 'cancelling', cancel = ${CANCEL} where id = '${id}'`);
    expect((await app.model.ended(upstream)).outcome).toBe('client_closed');
    const told = await answerOf(call);
    expect([told.status, told.json()]).toEqual([409, expect.objectContaining({ code: 'task_cancelled', detail: 'from elsewhere' })]);
    expect(await learner.task(id)).toMatchObject({
      state: 'cancelled',
      cancel: { reason: 'from elsewhere' },
      receipt: { confirmed: true },
    });
  });

  it('stop the work of an owner whose task has been taken over, which then writes nothing', async () => {
    const { id, call, upstream } = await underWay();
    await rowsOf(app, `update tasks set attempt = 2, instance_id = 'another' where id = '${id}'`);
    expect((await app.model.ended(upstream)).outcome).toBe('client_closed');
    const told = await answerOf(call);
    expect([told.status, told.json()]).toEqual([503, expect.objectContaining({ code: 'owner_lost' })]);
    const [row] = await rowsOf(app, `select state, attempt, instance_id from tasks where id = '${id}'`);
    expect(row).toEqual({ state: 'running', attempt: 2, instance_id: 'another' });
    await rowsOf(app, `delete from tasks where id = '${id}'`);
  });

  it('that have run out end a running task as failed, and a cancelling one as cancelled, unconfirmed', async () => {
    const running = await orphan('running', `now() - interval '1 second'`);
    const cancelling = await orphan('cancelling', `now() - interval '1 second'`);
    await eventually(async () => (await learner.tasks('?state=running,cancelling')).tasks.length === 0);
    const receipt = { stopped_at: null, confirmed: false, stage: 'generate_quiz' };
    expect(await learner.task(running)).toMatchObject({ state: 'failed', error: { code: 'owner_lost' }, receipt });
    expect(await learner.task(cancelling)).toMatchObject({ state: 'cancelled', error: null, cancel: { cause: 'user' }, receipt });
    expect(await learner.cancelled(running)).toMatchObject({ status: 'already_failed' });
  });

  it('that have not run out are left to their owner; a canceller who waits is answered when they have', async () => {
    const id = await orphan('running', `now() + interval '1500 milliseconds'`);
    expect((await learner.cancel(id, { wait_ms: 0 })).status).toBe(202);
    const answer = await learner.cancelled(id, { wait_ms: 10_000 });
    expect(answer).toMatchObject({ status: 'cancelled', receipt: { confirmed: false, stopped_at: null } });
  });

  if (backend === 'postgres')
    it('stop the work before they run out where the database cannot be reached, and the task is failed once it can', async () => {
      const watch = await DatabaseWatch.open(app.databaseUrl!);
      const { id, call, upstream } = await underWay();
      await watch.lock('tasks');
      expect((await app.model.ended(upstream)).outcome).toBe('client_closed');
      await watch.unlock();
      expect((await answerOf(call)).status).toBe(503);
      await eventually(async () => (await learner.task(id)).state === 'failed', { timeoutMs: 15_000 });
      expect(app.app.get(LiveTasks).all()).toEqual([]);
      await watch.close();
    });
});
