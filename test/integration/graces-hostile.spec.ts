import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { LiveTasks } from '../../src/tasks/index.js';
import { eventually, Gate } from '../../src/testing/index.js';
import { runsPostgres } from '../support/backends.js';
import { EventClient } from '../support/event-client.js';
import { rowsOf } from '../support/rows.js';
import { QUIZ, TaskClient } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

(runsPostgres ? describe : describe.skip)('clients of one task on two instances', () => {
  let home: TestApp;
  let other: TestApp;
  let phone: EventClient;
  let tablet: EventClient;
  let tasks: TaskClient;

  beforeAll(async () => {
    home = await startTestApp({ backend: 'postgres' });
    other = await startTestApp({ beside: home });
    [phone, tablet] = [await EventClient.of(home), await EventClient.of(other)];
    tasks = new TaskClient(await home.client());
  }, 60_000);
  afterEach(() => home.reset());
  afterAll(async () => {
    expect([...home.logs.at('error'), ...other.logs.at('error')]).toEqual([]);
    await other.close();
    await home.close();
  });

  const live = (id: string) => home.app.get(LiveTasks).find({ owner: 'learner', id });

  async function begun(policy: string) {
    const [id, gate] = [randomUUID(), new Gate()];
    home.model.script('quiz', { holdAfter: 5, gate }, { times: 1 });
    const stream = phone.quiz(id, QUIZ, { 'x-on-disconnect': policy });
    const upstream = await home.model.called('quiz');
    await home.model.sent(upstream, 5);
    return { id, gate, stream, upstream };
  }

  it.each(['cancel', 'grace=300'])('with %s: it stops with the last of them, on whichever instance that was', async (policy) => {
    const { id, stream, upstream } = await begun(policy);
    const there = tablet.follow(id, { query: '?attach=1' });
    await there.event('stage-start', 3);
    await eventually(() => live(id)?.isAwaitedElsewhere);
    stream.hangUp();
    await eventually(() => live(id)?.waiting === 0);
    // Longer than the grace and what others are believed for: whoever stays says so again.
    const [row] = await rowsOf<{ now: Date }>(home, 'select clock_timestamp() as now');
    await eventually(
      async () =>
        (
          await rowsOf<{ is: boolean }>(home, `select clock_timestamp() > '${row!.now.toISOString()}'::timestamptz + interval '4 s' as is`)
        )[0]?.is,
      { timeoutMs: 10_000 },
    );
    expect([upstream.outcome, live(id)?.scope?.signal.aborted]).toEqual([undefined, false]);
    there.hangUp();
    expect((await home.model.ended(upstream)).outcome).toBe('client_closed');
    await eventually(() => live(id) === undefined);
    expect((await tasks.task(id)).cancel?.cause).toBe('client_disconnect');
  });

  it('with cancel: one that asked there with the same id keeps it too, and gets the answer', async () => {
    const { id, gate, stream } = await begun('cancel');
    const again = tablet.quiz(id, QUIZ);
    await again.event('stage-start', 3);
    await eventually(() => live(id)?.isAwaitedElsewhere);
    stream.hangUp();
    await eventually(() => live(id)?.waiting === 0);
    gate.open();
    await again.heard();
    expect(again.events.at(-1)!.data).toMatchObject({ state: 'completed' });
  });

  it('who come back in the very moment in which the grace ends: they get all of it, or are told why not', async () => {
    const outcomes = new Map<string, number>();
    for (let round = 0; round < 24; round += 1) {
      const { id, gate, stream } = await begun('grace=120');
      stream.hangUp();
      await eventually(
        async () => (await rowsOf<{ until: Date | null }>(home, `select attached_until as until from tasks where id = '${id}'`))[0]?.until,
      );
      const due = `select attached_until <= clock_timestamp() + interval '${(round % 12) * 8} ms' as is from tasks where id = '${id}'`;
      await eventually(async () => (await rowsOf<{ is: boolean }>(home, due))[0]?.is);
      const back = [phone, tablet][round % 2]!.follow(id, { query: '?attach=1' });
      await Promise.race([back.event('stage-start', 3), back.heard()]);
      // Somebody who is counted keeps it well beyond the grace.
      await eventually(async () => {
        const [row] = await rowsOf<{ state: string; is_over: boolean }>(
          home,
          `select state, started_at + interval '700 ms' < clock_timestamp() as is_over from tasks where id = '${id}'`,
        );
        return row?.state === 'cancelled' || row?.is_over;
      });
      gate.open();
      const events = await back.heard();
      const end = events.at(-1)!.data as { state: string; cause?: string };
      const name = `${end.state} ${end.cause ?? ''}`.trim();
      outcomes.set(name, (outcomes.get(name) ?? 0) + 1);
      const ids = events.map((event) => event.id);
      expect([events.filter(({ type }) => type === 'task-end').length, new Set(ids).size]).toEqual([1, ids.length]);
      await eventually(() => live(id) === undefined);
      home.reset();
    }
    process.stdout.write(`${JSON.stringify([...outcomes])}\n`);
    expect([...outcomes.keys()].filter((name) => name !== 'completed' && name !== 'cancelled client_disconnect')).toEqual([]);
  }, 120_000);
});
