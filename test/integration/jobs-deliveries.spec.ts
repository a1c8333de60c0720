import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../../src/testing/index.js';
import { backends, type Backend } from '../support/backends.js';
import { holdFrom } from '../support/held-items.js';
import { rowsOf } from '../support/rows.js';
import { ask, registered, smallJobs } from '../support/small-jobs.js';
import { TaskClient } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

describe.each(backends)('the delivery of a job, on %s', (backend: Backend) => {
  const jobs = smallJobs('counting', { concurrency: 1, perUser: 1 });
  const wide = smallJobs('sharing', { concurrency: 4, perUser: 1 });
  let app: TestApp;
  let learner: TaskClient;

  beforeAll(async () => {
    const env = { LEASE_HEARTBEAT_MS: '50', LEASE_MS: '500' };
    app = await startTestApp({ backend, env, prepare: registered(jobs, wide) });
    learner = new TaskClient(await app.client());
  }, 60_000);
  afterEach(() => {
    for (const each of [jobs, wide]) each.work = (item) => Promise.resolve(item.name);
    app.reset();
  });
  afterAll(() => app.close());

  const ended = (id: string, client = learner) =>
    eventually(
      async () => {
        const task = await client.task(id);
        return task.finished_at === null ? false : task;
      },
      { timeoutMs: 20_000 },
    );

  const fetchedLongAgo = (id: string) =>
    rowsOf(
      app,
      `update pgboss.job set state = 'active', started_on = now() - interval '1 hour', completed_on = null where data ->> 'id' = '${id}'`,
    );

  it('that was fetched by one who then vanished comes to somebody else', async () => {
    const { gate, begun } = holdFrom(jobs, 1);
    const first = await ask(app, jobs, 1);
    await eventually(() => begun.length === 1);
    const id = await ask(app, jobs, 1);
    await fetchedLongAgo(id);
    gate.open();
    await ended(first);
    expect(await ended(id)).toMatchObject({ state: 'completed' });
  });

  it('that nobody could settle does not count against its user for ever', async () => {
    const first = await ask(app, jobs, 1);
    await ended(first);
    await eventually(
      async () => (await rowsOf(app, `select 1 from pgboss.job where state = 'completed' and data ->> 'id' = '${first}'`)).length === 1,
    );
    await fetchedLongAgo(first);
    expect(await ended(await ask(app, jobs, 1))).toMatchObject({ state: 'completed' });
  });

  it('waits for as long as its task does', async () => {
    const { gate, begun } = holdFrom(jobs, 1);
    const first = await ask(app, jobs, 1);
    await eventually(() => begun.length === 1);
    const id = await ask(app, jobs, 1);
    expect(
      await rowsOf(app, `select keep_until > now() + interval '10 years' as is_kept from pgboss.job where data ->> 'id' = '${id}'`),
    ).toEqual([{ is_kept: true }]);
    gate.open();
    await Promise.all([first, id].map((each) => ended(each)));
  });

  it('leaves the places of others free, and its user takes no more than are theirs', async () => {
    const { gate, begun } = holdFrom(wide, 1);
    const other = new TaskClient(await app.client('somebody else'));
    const first = await ask(app, wide, 1);
    await eventually(() => begun.length === 1);
    const mine = [first, await ask(app, wide, 1), await ask(app, wide, 1)];
    const theirs = await ask(app, wide, 1, { owner: 'somebody else' });
    await eventually(async () => (await other.task(theirs)).state === 'running');
    const states = await Promise.all(mine.map(async (each) => (await learner.task(each)).state));
    gate.open();
    await Promise.all(mine.map((each) => ended(each)));
    await ended(theirs, other);
    expect(begun).toHaveLength(4);
    expect(states.toSorted()).toEqual(['queued', 'queued', 'running']);
  });
});
