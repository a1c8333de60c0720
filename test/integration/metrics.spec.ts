import { readFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AbortContext } from '../../src/abort/index.js';
import { RetrieveContentNode } from '../../src/quizzes/nodes/retrieve-content.node.js';
import { eventually, Gate } from '../../src/testing/index.js';
import { holdFrom } from '../support/held-items.js';
import { holdAfter } from '../support/moments.js';
import { rowsOf } from '../support/rows.js';
import { ask, registered, smallJobs } from '../support/small-jobs.js';
import { answerOf, newId, TaskClient } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

type Sample = readonly [name: string, value: number];

/** `name{label="value"}` as Prometheus writes it, and its number. Throws at a line that is neither comment nor sample. */
function parse(text: string): Sample[] {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return lines.map((line) => {
    const found = /^([a-z_][a-z0-9_]*(?:\{(?:[a-z_]+="[^"]*",?)+\})?) ([-+.0-9eINaf]+)$/i.exec(line);
    if (!found) throw new Error(`No sample: ${line}`);
    return [found[1] ?? '', Number(found[2])];
  });
}

describe('/metrics', () => {
  let app: TestApp;
  const jobs = smallJobs('counting');
  let learner: TaskClient;

  beforeAll(async () => {
    app = await startTestApp({
      backend: 'embedded',
      env: { ZOMBIE_AFTER_MS: '200', LEASE_HEARTBEAT_MS: '100', LEASE_MS: '1000' },
      prepare: registered(jobs),
    });
    learner = new TaskClient(await app.client());
  }, 60_000);
  afterEach(() => {
    jest.restoreAllMocks();
    app.reset();
  });
  afterAll(() => app.close());

  async function samples(): Promise<Map<string, number>> {
    const answer = await fetch(`${app.url}/metrics`);
    expect([answer.status, answer.headers.get('content-type')]).toEqual([200, expect.stringMatching(/^text\/plain; version=/)]);
    return new Map(parse(await answer.text()));
  }

  /** By how much each sample of ours moves while `what` happens. */
  async function moved(what: () => Promise<unknown>): Promise<Record<string, number>> {
    const before = await samples();
    await what();
    const after = await samples();
    const changes = [...after].map(([name, value]) => [name, value - (before.get(name) ?? 0)] as const);
    return Object.fromEntries(
      changes.filter(([name, change]) => name.startsWith('hangup_') && change !== 0 && !/_bucket|lag|_sum/.test(name)),
    );
  }

  async function quizUnderWay(): Promise<{ id: string; call: ReturnType<TaskClient['quiz']> }> {
    const id = newId();
    const before = app.model.journal.filter(({ purpose }) => purpose === 'quiz').length;
    app.model.script('quiz', { holdAfter: 5, gate: new Gate() });
    const call = learner.quiz(id);
    await app.model.sent(await app.model.called('quiz', before + 1), 5);
    return { id, call };
  }

  it('count the cancels of all items of a job under one stage, however many there are', async () => {
    const counted = await moved(async () => {
      for (const held of [1, 3]) {
        const { begun } = holdFrom(jobs, held);
        const id = await ask(app, jobs, 4);
        await eventually(() => begun.some(({ ordinal }) => ordinal === held));
        await learner.cancelled(id);
      }
    });
    expect(counted).toMatchObject({ 'hangup_cancels_total{cause="user",stage="item"}': 2 });
    expect(Object.keys(counted).filter((name) => name.includes('/4'))).toEqual([]);
  });

  it('counts a quiz that was made', async () => {
    expect(await moved(() => answerOf(learner.quiz(newId())))).toEqual({ 'hangup_tasks_total{kind="quiz_generation",end="completed"}': 1 });
  });

  it('counts one that failed', async () => {
    app.model.script('quiz', { status: 400, body: {} });
    expect(await moved(() => answerOf(learner.quiz(newId())))).toEqual({ 'hangup_tasks_total{kind="quiz_generation",end="failed"}': 1 });
  });

  it('counts a hang-up with its stage, the call that was avoided, and the time until everything had stopped', async () => {
    const { call } = await quizUnderWay();
    const change = await moved(async () => {
      await call.hangUp();
      await eventually(() => app.logs.messages.some((msg) => msg.startsWith('[QuizService] Quiz generation cancelled')));
    });
    expect(change).toEqual({
      'hangup_tasks_total{kind="quiz_generation",end="cancelled"}': 1,
      'hangup_cancels_total{cause="client_disconnect",stage="generate_quiz"}': 1,
      'hangup_llm_calls_avoided_total{kind="quiz_generation"}': 1,
      'hangup_cancel_stopped_seconds_count{cause="client_disconnect"}': 1,
      hangup_disconnects_total: 1,
    });
  });

  it('shows what is live while it is', async () => {
    const { id, call } = await quizUnderWay();
    expect((await samples()).get('hangup_tasks_live{kind="quiz_generation"}')).toBe(1);
    const change = await moved(() => learner.cancelled(id));
    expect(change).toMatchObject({
      'hangup_cancel_answers_total{status="cancelled"}': 1,
      'hangup_cancels_total{cause="user",stage="generate_quiz"}': 1,
    });
    await call.answer;
    expect((await samples()).has('hangup_tasks_live{kind="quiz_generation"}')).toBe(false);
  });

  it('counts cancels by their answers, the unknown among them, and the pending ones that were honoured', async () => {
    const id = newId();
    const change = await moved(async () => {
      await learner.cancel(newId());
      await learner.cancel(id, { pending: true });
      await answerOf(learner.quiz(id));
    });
    expect(change).toEqual({
      'hangup_cancel_answers_total{status="not_found"}': 1,
      'hangup_cancel_answers_total{status="pending"}': 1,
      'hangup_pending_cancels_honoured_total{by="id"}': 1,
      'hangup_tasks_total{kind="quiz_generation",end="cancelled"}': 1,
      'hangup_cancels_total{cause="user",stage="none"}': 1,
      'hangup_llm_calls_avoided_total{kind="quiz_generation"}': 3,
    });
  });

  it('counts zombies', async () => {
    const { gate } = holdAfter(app.app.get(AbortContext), app.app.get(RetrieveContentNode, { strict: false }), 'run');
    const id = newId();
    const call = learner.quiz(id);
    await gate.reached;
    const change = await moved(() => learner.cancelled(id, { wait_ms: 10_000 }));
    expect(change).toMatchObject({ hangup_zombies_total: 1, 'hangup_tasks_total{kind="quiz_generation",end="cancelled"}': 1 });
    gate.open();
    await call.answer;
  });

  it('counts what instances that are gone have left behind', async () => {
    const id = newId();
    const change = await moved(async () => {
      await rowsOf(
        app,
        `insert into tasks (owner, id, kind, state, input_hash, instance_id, lease_until)
         values ('learner', '${id}', 'quiz_generation', 'running', 'x', 'gone', now() - interval '1 second')`,
      );
      await eventually(async () => (await learner.task(id)).state === 'failed');
    });
    expect(change).toEqual({ 'hangup_tasks_reaped_total{kind="quiz_generation",state="failed"}': 1 });
  });

  it('tells of the bus, and of the process', async () => {
    const all = await samples();
    expect(all.get('hangup_bus_up{kind="in-process"}')).toBe(1);
    expect(all.get('hangup_bus_lag_seconds')).toBeGreaterThanOrEqual(0);
    expect(all.get('process_resident_memory_bytes')).toBeGreaterThan(1e6);
  });

  it('serves every metric that the alert rules look at', async () => {
    const rules = readFileSync(new URL('../../deploy/prometheus/alerts.yml', import.meta.url), 'utf8');
    const named = new Set([...rules.matchAll(/hangup_[a-z_]+/g)].map(([name]) => name.replace(/_bucket$/, '')));
    const served = new Set([...(await (await fetch(`${app.url}/metrics`)).text()).matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name));
    expect(named.size).toBeGreaterThan(5);
    expect([...named].filter((name) => !served.has(name))).toEqual([]);
  });

  it('asks for its token where one is configured', async () => {
    const guarded = await startTestApp({ env: { METRICS_TOKEN: 'scrape-me' } });
    const status = async (authorization?: string): Promise<number> =>
      (await fetch(`${guarded.url}/metrics`, { headers: authorization === undefined ? {} : { authorization } })).status;
    expect(await Promise.all([status(), status('Bearer wrong'), status('scrape-me'), status('Bearer scrape-me')])).toEqual([
      401, 401, 401, 200,
    ]);
    await guarded.close();
  });
});
