import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CancelledError, wait } from '../../src/abort/index.js';
import { TokenVerifier } from '../../src/auth/index.js';
import { DomainError } from '../../src/problems/index.js';
import { LiveTasks } from '../../src/tasks/index.js';
import type { Item } from '../../src/tasks/index.js';
import { eventually, Gate } from '../../src/testing/index.js';
import { backends, type Backend } from '../support/backends.js';
import { holdFrom } from '../support/held-items.js';
import { rowsOf } from '../support/rows.js';
import { ask, registered, smallJobs } from '../support/small-jobs.js';
import { answerOf, newId, TaskClient } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

describe.each(backends)('a job, on %s', (backend: Backend) => {
  const jobs = smallJobs('counting');
  let app: TestApp;
  let learner: TaskClient;

  beforeAll(async () => {
    const env = { LEASE_HEARTBEAT_MS: '50', LEASE_MS: '1000' };
    app = await startTestApp({ backend, env, prepare: registered(jobs) });
    learner = new TaskClient(await app.client());
  }, 60_000);
  afterEach(() => {
    jobs.work = (item) => Promise.resolve(item.name);
    app.reset();
  });
  afterAll(() => app.close());

  const ended = (id: string) =>
    eventually(
      async () => {
        const task = await learner.task(id);
        return task.finished_at === null ? false : task;
      },
      { message: 'the end of the job' },
    );
  const resume = (id: string, headers = {}) => answerOf(learner.client.post(`/api/tasks/${id}/resume`, undefined, headers));
  const resultOf = async (id: string) => (await answerOf(learner.client.get(`/api/tasks/${id}/result`))).json<JobResult>();

  it('is picked up, works through its items, and completes with its result', async () => {
    const seen: Item[] = [];
    jobs.work = (item) => Promise.resolve(seen.push(item));
    const id = await ask(app, jobs, 5);
    expect(await ended(id)).toMatchObject({
      state: 'completed',
      kind: 'counting',
      scopes: ['project:7'],
      progress: { done: 5, total: 5, item: null },
    });
    expect((await resultOf(id)).result).toEqual({ completed: 5, failed: 0, total: 5 });
    expect(seen.toSorted((a, b) => a.ordinal - b.ordinal).map(({ stage, input }) => ({ stage, input }))).toEqual(
      [1, 2, 3, 4, 5].map((n) => ({ stage: `item ${n}/5`, input: { n } })),
    );
  });

  it('without any item has nothing to work through', async () => {
    expect(await ended(await ask(app, jobs, 0))).toMatchObject({ state: 'completed', progress: { done: 0, total: 0 } });
  });

  it('works on so many items at once and no more, and says which, how far it is and what is left', async () => {
    const { gate, begun } = holdFrom(jobs, 3);
    const id = await ask(app, jobs, 8);
    const task = await eventually(async () => {
      const { progress, stage } = await learner.task(id);
      return progress.done === 2 && progress.item !== null && begun.length === 4 ? { progress, stage } : false;
    });
    expect(task).toEqual({
      progress: { done: 2, total: 8, item: expect.stringMatching(/^item [34]$/), seconds_left: expect.any(Number) },
      stage: expect.stringMatching(/^item [34]\/8$/),
    });
    expect(await resultOf(id)).toMatchObject({ state: 'running', partial: true, result: { items: [{ key: 'k1' }, { key: 'k2' }] } });
    gate.open();
    expect(await ended(id)).toMatchObject({ state: 'completed' });
  });

  it('tells whoever follows it how far it has come, until its end', async () => {
    const [first, others] = [new Gate(), new Gate()];
    jobs.work = async (item) => {
      await (item.ordinal === 1 ? first : others).wait();
      return item.name;
    };
    const id = await ask(app, jobs, 4);
    const token = await app.app.get(TokenVerifier).issue('learner');
    const events = await fetch(`${app.url}/api/tasks/${id}/events`, { headers: { authorization: `Bearer ${token}` } });
    let told = '';
    for await (const piece of events.body!.pipeThrough(new TextDecoderStream())) {
      told += piece;
      // Each of these is told before the next can happen.
      if (told.includes('data: {"done":0,"total":4')) first.open();
      if (told.includes('data: {"done":1,"total":4')) others.open();
    }
    expect(told).toMatch(/id: 1-\d+\nevent: progress\ndata: \{"done":1,"total":4/);
    expect(told).toMatch(/id: 1-\d+\nevent: stage-start\ndata: \{"stage":"item 3\/4"\}/);
    expect(told.slice(told.lastIndexOf('event: '))).toMatch(/^event: task-end\ndata: .*"state":"completed"/);
  });

  it('tells of every tenth item in the log', async () => {
    const id = await ask(app, jobs, 21);
    await ended(id);
    const told = app.logs.lines.map(({ msg }) => msg).filter((msg) => msg.startsWith(`[Tasks] Task ${id} at `));
    expect(told).toEqual([`[Tasks] Task ${id} at 10/21`, `[Tasks] Task ${id} at 20/21`]);
  });

  it('cancelled midway keeps exactly what was finished, and the rest waits again', async () => {
    const { begun } = holdFrom(jobs, 4);
    const id = await ask(app, jobs, 6);
    await eventually(() => begun.length === 5);
    const answer = await learner.cancelled(id, { reason: 'enough' });
    expect(answer).toMatchObject({ status: 'cancelled', receipt: { calls_avoided: 6 + 1, confirmed: true, zombies: [] } });
    expect(await learner.task(id)).toMatchObject({ state: 'cancelled', progress: { done: 3, total: 6 }, cancel: { reason: 'enough' } });
    expect((await resultOf(id)).result.items?.map(({ key, state, result }) => ({ key, state, result }))).toEqual(
      [1, 2, 3].map((n) => ({ key: `k${n}`, state: 'completed', result: `item ${n}` })),
    );
    expect(
      await rowsOf(app, `select state, attempts, count(*)::int from task_items where task_id = '${id}' group by 1, 2 order by 1`),
    ).toEqual([
      { state: 'completed', attempts: 1, count: 3 },
      { state: 'waiting', attempts: 0, count: 3 },
    ]);
    expect(app.logs.lines.map(({ msg }) => msg)).toContain(`[Tasks] Task ${id} cancelled at 3/6 (cause=user)`);
    expect(begun).toHaveLength(5);
  });

  it('resumed does the rest and no more, as a new task that knows the old one', async () => {
    const { begun } = holdFrom(jobs, 4);
    const id = await ask(app, jobs, 6);
    await eventually(() => begun.length === 5);
    await learner.cancelled(id);
    const { begun: again } = holdFrom(jobs, 99);
    const answer = await resume(id);
    expect({ status: answer.status, ...answer.json<Resumed>() }).toEqual({
      status: 202,
      task_id: expect.any(String),
      resumed_from: id,
    });
    const next = answer.json<Resumed>().task_id;
    expect(answer.headers['x-task-id']).toBe(next);
    expect(await ended(next)).toMatchObject({
      state: 'completed',
      resumed_from: id,
      scopes: ['project:7'],
      progress: { done: 6, total: 6 },
    });
    expect(again.map(({ key }) => key).sort()).toEqual(['k4', 'k5', 'k6']);
    expect((await resultOf(next)).result).toEqual({ completed: 6, failed: 0, total: 6 });
    expect(await learner.task(id)).toMatchObject({ state: 'cancelled' });
  });

  it('resumed by many at once goes on once, and each hears which task does', async () => {
    const { begun } = holdFrom(jobs, 2);
    const id = await ask(app, jobs, 3);
    await eventually(() => begun.length >= 2);
    await learner.cancelled(id);
    const { gate, begun: again } = holdFrom(jobs, 2);
    const answers = await Promise.all([1, 2, 3, 4, 5].map(() => resume(id)));
    const ids = new Set(answers.map((answer) => answer.json<Resumed>().task_id));
    expect([...ids]).toHaveLength(1);
    gate.open();
    await ended([...ids][0]!);
    expect(again).toHaveLength(2);
    expect((await resume(id)).json()).toMatchObject({ code: 'task_not_resumable', detail: expect.stringContaining([...ids][0]!) });
  });

  it('that is resumed under the same id by a phone that tries again is the same task', async () => {
    const { begun } = holdFrom(jobs, 1);
    const id = await ask(app, jobs, 2);
    await eventually(() => begun.length >= 1);
    await learner.cancelled(id);
    const headers = { 'x-task-id': newId() };
    holdFrom(jobs, 99);
    const first = await resume(id, headers);
    await ended(headers['x-task-id']);
    expect((await resume(id, headers)).json()).toEqual(first.json());
  });

  it('that has completed, goes on, or is no job, is refused its resumption', async () => {
    const { gate, begun } = holdFrom(jobs, 1);
    const id = await ask(app, jobs, 1);
    await eventually(() => begun.length === 1);
    expect((await resume(id)).json()).toMatchObject({ status: 409, code: 'task_not_resumable' });
    gate.open();
    await ended(id);
    expect((await resume(id)).json()).toMatchObject({ status: 409, code: 'task_not_resumable' });
    const other = new TaskClient(await app.client('somebody else'));
    expect((await answerOf(other.client.post(`/api/tasks/${id}/resume`, undefined))).status).toBe(404);
  });

  it('has a poison item fail alone, after its tries, and is resumed with that one alone', async () => {
    let tries = 0;
    jobs.work = (item) => {
      if (item.ordinal !== 2) return Promise.resolve(item.name);
      tries += 1;
      return Promise.reject(new DomainError('invalid_model_output', 'It is not JSON.'));
    };
    const id = await ask(app, jobs, 3);
    expect(await ended(id)).toMatchObject({ state: 'completed', progress: { done: 3, total: 3 } });
    expect(tries).toBe(3);
    expect((await resultOf(id)).result).toEqual({ completed: 2, failed: 1, total: 3 });
    const { begun } = holdFrom(jobs, 99);
    await ended((await resume(id)).json<Resumed>().task_id);
    expect(begun.map(({ key }) => key)).toEqual(['k2']);
  });

  it('tries an item once whose failure will not pass, and tells a defect whole in the log alone', async () => {
    const tries: string[] = [];
    jobs.work = (item) => {
      tries.push(item.key);
      return Promise.reject(item.ordinal === 1 ? new DomainError('chapter_empty', 'Nothing there.') : new Error('a defect'));
    };
    const id = await ask(app, jobs, 2);
    await ended(id);
    expect(tries.sort()).toEqual(['k1', 'k2']);
    expect(await rowsOf(app, `select error ->> 'code' as code from task_items where task_id = '${id}' order by ordinal`)).toEqual([
      { code: 'chapter_empty' },
      { code: 'internal_error' },
    ]);
    expect(app.logs.lines.filter(({ level }) => level === 'error')).toEqual([
      expect.objectContaining({ stage: 'item 2/2', err: expect.objectContaining({ message: 'a defect' }) }),
    ]);
  });

  it('gives up an item that nobody has come back from, and goes on', async () => {
    const { gate, begun } = holdFrom(jobs, 1);
    const first = await ask(app, jobs, 1);
    const second = await ask(app, jobs, 1);
    const id = await ask(app, jobs, 2);
    await eventually(() => begun.length === 2);
    await rowsOf(app, `update task_items set attempts = 3, state = 'running' where task_id = '${id}' and ordinal = 1`);
    gate.open();
    expect(await ended(id)).toMatchObject({ state: 'completed' });
    expect(await rowsOf(app, `select state, error ->> 'code' as code from task_items where task_id = '${id}' order by ordinal`)).toEqual([
      { state: 'failed', code: 'item_lost' },
      { state: 'completed', code: null },
    ]);
    await Promise.all([first, second].map(ended));
  });

  it('keeps what an item has come to in the very moment of the stop: it has been paid for', async () => {
    jobs.work = (item, { scope }) => {
      // The abort and the end of the work in one turn.
      app.app.get(LiveTasks).find({ owner: 'learner', id: scope.id })!.abort(new CancelledError('user'));
      return Promise.resolve(item.name);
    };
    const id = await ask(app, jobs, 1);
    expect(await ended(id)).toMatchObject({ state: 'cancelled', progress: { done: 1, total: 1 } });
    expect((await resultOf(id)).result.items).toMatchObject([{ key: 'k1', state: 'completed', result: 'item 1' }]);
  });

  it('writes nothing of an item once another attempt has the task', async () => {
    const { gate, begun } = holdFrom(jobs, 1);
    const id = await ask(app, jobs, 1);
    await eventually(() => begun.length === 1);
    await rowsOf(app, `update tasks set attempt = attempt + 1 where id = '${id}'`);
    gate.open();
    await eventually(() => app.app.get(LiveTasks).all().length === 0);
    expect(await rowsOf(app, `select state, result from task_items where task_id = '${id}'`)).toEqual([{ state: 'running', result: null }]);
    await rowsOf(app, `update tasks set lease_until = now() where id = '${id}'`);
    expect(await ended(id)).toMatchObject({ state: 'completed' });
    expect(await rowsOf(app, `select attempts from task_items where task_id = '${id}'`)).toEqual([{ attempts: 2 }]);
  });

  it('goes back to the queue where the database failed an item, and is gone on with', async () => {
    let tries = 0;
    jobs.work = (item) => {
      tries += 1;
      return tries === 1 ? Promise.reject(Object.assign(new Error('no'), { code: 'ECONNREFUSED' })) : Promise.resolve(item.name);
    };
    const id = await ask(app, jobs, 1);
    expect(await ended(id)).toMatchObject({ state: 'completed', progress: { done: 1, total: 1 } });
    expect(await rowsOf(app, `select attempt, losses from tasks where id = '${id}'`)).toEqual([{ attempt: 2, losses: 1 }]);
  });

  it('cancelled in the queue after some of it was done says what is still ahead', async () => {
    const { gate, begun } = holdFrom(jobs, 1);
    const held = [await ask(app, jobs, 1), await ask(app, jobs, 1)];
    await eventually(() => begun.length === 2);
    const id = await ask(app, jobs, 4);
    const call = `gen_random_uuid(), '${id}', 'learner', 'item 1/4', 'chat', 'm', 'completed'`;
    await rowsOf(app, `insert into llm_calls (id, task_id, owner, stage, kind, model, outcome) values (${call})`);
    expect(await learner.cancelled(id)).toMatchObject({ receipt: { calls_avoided: 4 } });
    gate.open();
    await Promise.all(held.map(ended));
  });

  it('whose deadline passes while it waits is cancelled at no work', async () => {
    const { gate, begun } = holdFrom(jobs, 1);
    const held = [await ask(app, jobs, 1), await ask(app, jobs, 1)];
    await eventually(() => begun.length === 2);
    const id = await ask(app, jobs, 2, { deadlineMs: 1 });
    gate.open();
    expect(await ended(id)).toMatchObject({ state: 'cancelled', cancel: { cause: 'deadline' }, progress: { done: 0, total: 2 } });
    expect(begun).toHaveLength(2);
    await Promise.all(held.map(ended));
  });

  it('whose deadline passes while it is worked on stops at it, with what is under way', async () => {
    jobs.work = (_, { scope }) => wait(60_000, scope.signal);
    const id = await ask(app, jobs, 3, { deadlineMs: 1000 });
    expect(await ended(id)).toMatchObject({
      state: 'cancelled',
      cancel: { cause: 'deadline', by: null },
      progress: { done: 0, total: 3 },
      receipt: { calls_avoided: 4, zombies: [], confirmed: true },
    });
  });

  it('cancelled while it waits is stopped at zero work, said so in the log, and can be resumed', async () => {
    const { gate, begun } = holdFrom(jobs, 1);
    const held = [await ask(app, jobs, 1), await ask(app, jobs, 1)];
    await eventually(() => begun.length === 2);
    const id = await ask(app, jobs, 4);
    expect(await learner.cancelled(id)).toMatchObject({ status: 'cancelled', receipt: { calls_avoided: 5 } });
    expect(app.logs.lines.map(({ msg }) => msg)).toContain(`[Tasks] Task ${id} cancelled at 0/4 (cause=user)`);
    gate.open();
    await Promise.all(held.map(ended));
    const { begun: again } = holdFrom(jobs, 99);
    const next = (await resume(id)).json<Resumed>().task_id;
    expect(await ended(next)).toMatchObject({ state: 'completed', progress: { done: 4, total: 4 } });
    expect(again).toHaveLength(4);
  });

  it('of one user takes no more places than that user has, and leaves the others theirs', async () => {
    const { gate, begun } = holdFrom(jobs, 1);
    const mine = await Promise.all([1, 2, 3, 4].map(() => ask(app, jobs, 1)));
    await eventually(() => begun.length === 2);
    const states = await Promise.all(mine.map(async (id) => (await learner.task(id)).state));
    expect(states.sort()).toEqual(['queued', 'queued', 'running', 'running']);
    gate.open();
    await Promise.all(mine.map(ended));
  });
});

interface Resumed {
  readonly task_id: string;
  readonly resumed_from: string;
}

interface JobResult {
  readonly state: string;
  readonly partial: boolean;
  readonly result: { readonly items?: { readonly key: string; readonly state: string; readonly result: unknown }[] };
}
