import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Tasks } from '../../src/tasks/index.js';
import { eventually } from '../../src/testing/index.js';
import { runsPostgres } from '../support/backends.js';
import { holdFrom } from '../support/held-items.js';
import { rowsOf } from '../support/rows.js';
import { ask, registered, smallJobs } from '../support/small-jobs.js';
import { TaskClient } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

(runsPostgres ? describe : describe.skip)('jobs on several instances', () => {
  const env = { LEASE_HEARTBEAT_MS: '50', LEASE_MS: '1000', DRAIN_TIMEOUT_MS: '20000' };
  /** Each instance has its own, of the same kind: what is begun where can be told. */
  const [atHome, away] = [1, 2].map(() => smallJobs('counting', { concurrency: 1, perUser: 5 })) as [Small, Small];
  let home: TestApp;
  let other: TestApp;
  let learner: TaskClient;

  beforeAll(async () => {
    home = await startTestApp({ backend: 'postgres', env, prepare: registered(atHome) });
    learner = new TaskClient(await home.client());
  }, 60_000);
  afterEach(() => {
    for (const jobs of [atHome, away]) jobs.work = (item) => Promise.resolve(item.name);
  });
  afterAll(async () => {
    await other.close();
    await home.close();
  });

  const ended = (id: string) =>
    eventually(async () => {
      const task = await learner.task(id);
      return task.finished_at === null ? false : task;
    });
  const startOther = async (): Promise<void> => {
    other = await startTestApp({ beside: home, env, prepare: registered(away) });
  };

  it('spread by themselves: whoever is free begins', async () => {
    await startOther();
    const [here, there] = [holdFrom(atHome, 1), holdFrom(away, 1)];
    const ids = [await ask(home, atHome, 1), await ask(home, atHome, 1)];
    await eventually(() => here.begun.length === 1 && there.begun.length === 1);
    const third = await ask(other, away, 1);
    here.gate.open();
    expect(await ended(third)).toMatchObject({ state: 'completed' });
    expect(here.begun).toHaveLength(2);
    there.gate.open();
    await Promise.all(ids.map(ended));
  });

  it('are picked up, and listened for again, also where the connection that listens has been lost', async () => {
    const listening = "from pg_stat_activity where application_name = 'hangup-jobs' and datname = current_database()";
    const [before] = await rowsOf<{ pids: number[] }>(home, `select array_agg(pid) as pids ${listening}`);
    await rowsOf(home, `select pg_terminate_backend(pid) ${listening}`);
    expect(await ended(await ask(home, atHome, 2))).toMatchObject({ state: 'completed' });
    await eventually(async () => {
      const [after] = await rowsOf<{ pids: number[] | null }>(home, `select array_agg(pid) as pids ${listening}`);
      return after?.pids?.length === 2 && !after.pids.some((pid) => before?.pids.includes(pid));
    });
  });

  it('of one that drains finish what they have in hand, begin nothing more, and go on elsewhere: nothing is done twice', async () => {
    await other.close();
    const blocker = holdFrom(atHome, 1);
    const held = await ask(home, atHome, 1);
    await eventually(() => blocker.begun.length === 1);
    await startOther();
    const there = holdFrom(away, 2);
    const id = await ask(home, atHome, 6);
    await eventually(() => there.begun.length === 3);
    const leaving = other.close();
    await eventually(() => other.app.get(Tasks).isDraining);
    there.gate.open();
    await leaving;
    const here = holdFrom(atHome, 99);
    blocker.gate.open();
    expect(await ended(id)).toMatchObject({ state: 'completed', progress: { done: 6, total: 6 } });
    expect([...there.begun, ...here.begun].map(({ key }) => key).toSorted()).toEqual(['k1', 'k2', 'k3', 'k4', 'k5', 'k6']);
    expect(there.begun).toHaveLength(3);
    await ended(held);
    await startOther();
  });
});

type Small = ReturnType<typeof smallJobs>;
