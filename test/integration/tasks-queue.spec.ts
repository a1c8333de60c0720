import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AbortContext, DrainingError, LeaseLostError } from '../../src/abort/index.js';
import { PgBossQueue } from '../../src/jobs/index.js';
import { LiveTasks, OwnerBusyError, Tasks, type TaskHandle } from '../../src/tasks/index.js';
import { eventually, Gate } from '../../src/testing/index.js';
import { backends, type Backend } from '../support/backends.js';
import { rowsOf } from '../support/rows.js';
import { newId, TaskClient } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const PLAN = { calls: ['count'] };
const never = new AbortController().signal;

describe.each(backends)('a task that was enqueued, on %s', (backend: Backend) => {
  let app: TestApp;
  let learner: TaskClient;
  let tasks: Tasks;

  beforeAll(async () => {
    app = await startTestApp({ backend, env: { LEASE_HEARTBEAT_MS: '50', LEASE_MS: '1000' } });
    learner = new TaskClient(await app.client());
    tasks = app.app.get(Tasks);
    await app.app.get(PgBossQueue).open('counting', { concurrency: 1, perUser: 1 });
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(() => app.close());

  const keyOf = (id: string) => ({ owner: 'learner', id });
  const enqueue = (id: string, input: unknown = { n: 1 }, also = () => Promise.resolve()) => {
    const issue = { taskId: id, scopes: [] };
    const spec = { ...PLAN, owner: 'learner', kind: 'counting', scopes: ['project:1'], input, issue };
    return app.app.get(AbortContext).detached('a test enqueues', () => tasks.enqueue(spec, also));
  };
  const count = (id: string, work: (task: TaskHandle) => Promise<number> = () => Promise.resolve(7)) =>
    tasks.resume(keyOf(id), PLAN, never, async (task) => ({ result: await work(task) }));

  const deliveriesOf = (id: string) => rowsOf(app, `select id from pgboss.job where data ->> 'id' = '${id}'`);

  /** Holds the work where it can be told to stop, and stops when it is. */
  function held(): { gate: Gate; work: (task: TaskHandle) => Promise<number> } {
    const gate = new Gate();
    const work = async (task: TaskHandle): Promise<number> => {
      const { signal } = task.scope;
      const told = Promise.withResolvers<never>();
      signal.addEventListener('abort', () => told.reject(signal.reason));
      task.progress({ done: 3, total: 10 });
      return await Promise.race([gate.wait().then(() => 7), told.promise]);
    };
    return { gate, work };
  }

  it('waits in the queue, is worked on by one who is free, and completes with its result', async () => {
    const id = newId();
    expect(await enqueue(id)).toEqual({ isNew: true });
    expect(await learner.task(id)).toMatchObject({ state: 'queued', started_at: null, scopes: ['project:1'] });
    expect(await count(id)).toBe(7);
    expect(await learner.task(id)).toMatchObject({ state: 'completed', kind: 'counting' });
    expect(await count(id)).toBeUndefined();
  });

  it('is the same task when it is enqueued again, and another one is refused its id', async () => {
    const id = newId();
    await enqueue(id);
    expect(await enqueue(id)).toEqual({ isNew: false });
    await expect(enqueue(id, { n: 2 })).rejects.toMatchObject({ code: 'task_exists' });
  });

  it('is not there where what should commit with it failed', async () => {
    const id = newId();
    await expect(enqueue(id, undefined, () => Promise.reject(new Error('no queue')))).rejects.toThrow('no queue');
    expect((await learner.cancel(id)).status).toBe(404);
  });

  it('is not begun while its owner has as many under way as there may be, however many try at once', async () => {
    const ids = [newId(), newId(), newId()];
    for (const id of ids) await enqueue(id);
    const { gate, work } = held();
    const begun = ids.map((id) => tasks.resume(keyOf(id), { ...PLAN, perOwner: 1 }, never, async (task) => ({ result: await work(task) })));
    let refused = 0;
    for (const each of begun) each.catch((error: unknown) => (refused += Number(error instanceof OwnerBusyError)));
    await eventually(() => refused === 2);
    gate.open();
    expect((await Promise.allSettled(begun)).map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected']);
    for (const id of ids) await count(id);
  });

  it('is begun by one alone', async () => {
    const id = newId();
    await enqueue(id);
    const { gate, work } = held();
    const first = count(id, work);
    await gate.reached;
    expect(await count(id)).toBeUndefined();
    gate.open();
    expect(await first).toBe(7);
  });

  it('cancelled in the queue is stopped at zero work, with all its calls avoided, and nobody begins it', async () => {
    const id = newId();
    await enqueue(id);
    expect(await learner.cancelled(id)).toMatchObject({ status: 'cancelled', receipt: { calls_avoided: 1, layers: [], confirmed: true } });
    expect(await count(id)).toBeUndefined();
  });

  it('whose cancel came first is never queued', async () => {
    const id = newId();
    await learner.cancel(id, { pending: true });
    await expect(enqueue(id)).rejects.toMatchObject({ code: 'task_cancelled' });
    expect(await learner.task(id)).toMatchObject({ state: 'cancelled', kind: 'counting' });
  });

  it('cancelled while it is worked on stops where it is, and keeps how far it came', async () => {
    const id = newId();
    await enqueue(id);
    const { gate, work } = held();
    const working = count(id, work);
    working.catch(() => undefined);
    await gate.reached;
    expect((await learner.cancelled(id)).status).toBe('cancelled');
    await expect(working).rejects.toMatchObject({ code: 'task_cancelled' });
    expect(await learner.task(id)).toMatchObject({ state: 'cancelled', progress: { done: 3, total: 10 } });
    expect(app.logs.messages).toContain(`[Tasks] Task ${id} cancelled at 3/10 (cause=user)`);
  });

  it('cancelled while it leaves a layer behind is cancelling until that has stopped too', async () => {
    const id = newId();
    await enqueue(id);
    const [reached, layer] = [new Gate(), new Gate()];
    const working = count(id, async ({ scope }) => {
      scope.track('disk', 'write', undefined, layer.wait()).catch(() => undefined);
      void reached.wait();
      await new Promise((_, reject) => scope.signal.addEventListener('abort', () => reject(scope.signal.reason)));
      return 7;
    });
    working.catch(() => undefined);
    await reached.reached;
    expect((await learner.cancelled(id, { wait_ms: 300 })).status).toBe('cancelling');
    layer.open();
    expect(await learner.cancelled(id)).toMatchObject({
      status: 'cancelled',
      receipt: { layers: [{ layer: 'disk', operation: 'write' }] },
    });
    await expect(working).rejects.toMatchObject({ code: 'task_cancelled' });
  });

  it('of an instance that drains goes back to the queue, and on elsewhere under its next attempt', async () => {
    const id = newId();
    await enqueue(id);
    const { gate, work } = held();
    const working = count(id, work);
    working.catch(() => undefined);
    await gate.reached;
    app.app.get(LiveTasks).find(keyOf(id))?.abort(new DrainingError());
    await expect(working).rejects.toBeInstanceOf(DrainingError);
    expect(await learner.task(id)).toMatchObject({ state: 'queued', progress: { done: 3, total: 10 }, cancel: null, receipt: null });
    expect(await deliveriesOf(id)).toHaveLength(1);
    expect(await count(id)).toBe(7);
    expect(await rowsOf(app, `select attempt from tasks where id = '${id}'`)).toEqual([{ attempt: 2 }]);
  });

  it('whose instance lost its lease is queued again, and what comes late of the first attempt is not written', async () => {
    const id = newId();
    await enqueue(id);
    const { gate, work } = held();
    const working = count(id, work);
    working.catch(() => undefined);
    await gate.reached;
    const [before] = await deliveriesOf(id);
    await rowsOf(app, `update tasks set instance_id = 'gone', lease_until = now() - interval '1 second' where id = '${id}'`);
    await expect(working).rejects.toBeInstanceOf(LeaseLostError);
    await eventually(async () => (await learner.task(id)).state === 'queued');
    const after = await deliveriesOf(id);
    expect(after).toHaveLength(1);
    expect(after).not.toContainEqual(before);
    expect(await count(id, () => Promise.resolve(8))).toBe(8);
    expect(await rowsOf(app, `select attempt, result from tasks where id = '${id}'`)).toEqual([{ attempt: 2, result: 8 }]);
  });

  it('that fails has failed, for good', async () => {
    const id = newId();
    await enqueue(id);
    await expect(count(id, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await learner.task(id)).toMatchObject({ state: 'failed', error: { code: 'internal_error' } });
    expect(await count(id)).toBeUndefined();
  });
});
