import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, Gate, type SocketClient } from '../../src/testing/index.js';
import { consult, machineOf } from '../support/analysis-model.js';
import { backends } from '../support/backends.js';
import { LedgerReader } from '../support/ledger.js';
import { machines, ProjectClient } from '../support/project-client.js';
import { rowsOf } from '../support/rows.js';
import { answerOf, newId, TaskClient } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { usageOf } from '../support/usage-client.js';

/** A tenth of a cent for a token of an answer, and nothing for prompts: a call reserves 50 cents. */
const PRICES = {
  date: '2026-12-01',
  models: { 'gpt-4o-mini': { input: 0, output: 1000 }, 'text-embedding-3-small': { input: 0, output: 0 } },
};
const PER_DAY = 1.7;
const EXHAUSTED = { status: 402, title: 'Budget exhausted', code: 'budget_exceeded' };

describe.each(backends)('the budget of a user, on %s', (backend) => {
  let app: TestApp;
  let folder: string;
  /** One instance more where there can be one. */
  let other: TestApp;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hangup-prices-'));
    const prices = join(folder, 'prices.json');
    await writeFile(prices, JSON.stringify(PRICES));
    const money = { PRICES_FILE: prices, BUDGET_USD_PER_DAY: String(PER_DAY), BUDGET_ANSWER_TOKENS: '500' };
    const env = { ...money, ANALYSIS_CONCURRENCY: '1', LEASE_HEARTBEAT_MS: '50', LEASE_MS: '5000' };
    app = await startTestApp({ backend, env });
    other = backend === 'postgres' ? await startTestApp({ beside: app, env }) : app;
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(async () => {
    if (other !== app) await other.close();
    await app.close();
    await rm(folder, { recursive: true });
  });

  /** Somebody who has spent so much today. */
  async function someone(spent = 0, scope?: string): Promise<{ owner: string; client: SocketClient; tasks: TaskClient }> {
    const owner = newId();
    if (spent > 0) {
      await rowsOf(
        app,
        `insert into llm_calls (id, task_id, owner, stage, kind, model, outcome, cost_usd)
         values ('${newId()}', '${newId()}', '${owner}', 'before', 'chat', 'm', 'completed', ${spent})`,
      );
    }
    const client = await app.client(owner, { scope });
    return { owner, client, tasks: new TaskClient(client) };
  }

  it('is told with the usage', async () => {
    const { client, owner } = await someone(0.7);
    const { budget, prices_as_of } = await usageOf(client);
    expect(budget).toEqual({ usd_per_day: PER_DAY, spent_usd: 0.7, reserved_usd: 0, left_usd: 1 });
    expect(prices_as_of).toBe(PRICES.date);
    const admin = await app.client('boss', { scope: 'hangup:admin' });
    expect((await usageOf(admin, `?owner=${owner}`)).budget).toEqual(budget);
    expect((await usageOf(admin)).budget).toBeNull();
  });

  it('refuses a new task where nothing is left, an administrator’s too, before any call, and leaves nothing of it', async () => {
    for (const { client, tasks } of [await someone(PER_DAY), await someone(PER_DAY, 'hangup:admin')]) {
      const id = newId();
      const answer = await answerOf(tasks.quiz(id));
      expect(answer.json()).toMatchObject({ ...EXHAUSTED, detail: expect.stringContaining('1.7 US dollars a day') });
      expect((await answerOf(client.get(`/api/tasks/${id}`))).status).toBe(404);
      const project = new ProjectClient(client, 'p');
      await answerOf(project.put(machines(2)));
      expect((await answerOf(project.analyse())).json()).toMatchObject(EXHAUSTED);
    }
    expect(app.model.journal).toEqual([]);
  });

  it('is not passed by ten tasks at once, on whichever instances', async () => {
    const { client, tasks, owner } = await someone();
    const elsewhere = new TaskClient(await other.client(owner));
    const gate = new Gate();
    app.model.script('quiz', { holdAfter: 1, gate });
    const calls = Array.from({ length: 10 }, (_, at) => answerOf((at % 2 === 0 ? tasks : elsewhere).quiz(newId())));
    await app.model.called('quiz', 3);
    await eventually(async () => {
      const [row] = await rowsOf<{ n: number }>(app, `select count(*)::int as n from tasks where owner = '${owner}' and state = 'running'`);
      return row?.n === 3;
    });
    expect(app.model.journal.filter(({ purpose }) => purpose === 'quiz')).toHaveLength(3);
    expect((await usageOf(client)).budget).toMatchObject({ spent_usd: 0, reserved_usd: 1.5 });
    gate.open();
    const answers = await Promise.all(calls);
    const stopped = answers.filter(({ status }) => status === 402);
    expect(stopped.length).toBeGreaterThanOrEqual(7);
    expect(answers.filter(({ status }) => status === 200).length).toBe(10 - stopped.length);
    const { budget, spent, cancels } = await usageOf(client);
    expect(budget?.spent_usd).toBeLessThanOrEqual(PER_DAY);
    expect(budget).toMatchObject({ reserved_usd: 0, spent_usd: spent.cost_usd });
    expect(spent.cost_usd).toBeGreaterThan(0);
    expect(cancels.tasks).toBeLessThanOrEqual(stopped.length);
  });

  it('stops a task that would pass it before its next call, with that cause, and says so on the receipt and in the log', async () => {
    const { client, tasks } = await someone(1.15);
    const id = newId();
    app.model.script('quiz_evaluation', { text: 'never asked' });
    const answer = await answerOf(tasks.quiz(id));
    expect(answer.json()).toMatchObject(EXHAUSTED);
    expect(app.model.journal.map(({ purpose }) => purpose)).toEqual(['embeddings', 'quiz']);
    const task = await tasks.task(id);
    expect(task).toMatchObject({
      state: 'cancelled',
      cancel: { cause: 'budget', by: null },
      receipt: { stage: 'evaluate_content', calls_avoided: 1, confirmed: true },
    });
    expect(app.logs.messages).toContain('[evaluate_content] Budget exhausted, skipping evaluation');
    const { by_cause } = await usageOf(client);
    expect(by_cause).toMatchObject([{ cause: 'budget', cancels: { tasks: 1 }, saved: { calls: 1 } }]);
    expect((await answerOf(tasks.quiz(id))).json()).toMatchObject(EXHAUSTED);
  });

  it('cuts an answer that grows beyond it in flight', async () => {
    const { client, tasks } = await someone(1.1);
    const id = newId();
    app.model.script('quiz', { text: 'word '.repeat(5000), stallAfter: 600 });
    expect((await answerOf(tasks.quiz(id))).json()).toMatchObject(EXHAUSTED);
    const call = await app.model.ended(await app.model.called('quiz'));
    expect(call.outcome).toBe('client_closed');
    expect(await LedgerReader.of(app).callsOf(id, 'generate_quiz')).toMatchObject([{ outcome: 'aborted' }]);
    const { budget } = await usageOf(client);
    expect(budget?.spent_usd).toBeLessThanOrEqual(PER_DAY);
    expect(budget).toMatchObject({ reserved_usd: 0, spent_usd: expect.closeTo(1.1 + 0.438, 2) });
  });

  it('reserves more for a long answer while there is some left', async () => {
    const { client, tasks } = await someone();
    const gate = new Gate();
    app.model.script('quiz', { text: 'word '.repeat(900) });
    app.model.script('quiz', { text: 'word '.repeat(900), holdAfter: 700, gate }, { times: 1 });
    const id = newId();
    const answer = answerOf(tasks.quiz(id));
    await app.model.sent(await app.model.called('quiz'), 700);
    await eventually(async () => (await usageOf(client)).budget?.reserved_usd === 1);
    expect((await tasks.cancelled(id)).status).toBe('cancelled');
    expect((await answer).status).toBe(409);
  });

  it('gives back what was reserved once a call is over, also one that was aborted', async () => {
    const { client, tasks } = await someone();
    const id = newId();
    app.model.script('quiz', { holdAfter: 10, gate: new Gate() });
    const answer = answerOf(tasks.quiz(id));
    await app.model.sent(await app.model.called('quiz'), 10);
    expect((await usageOf(client)).budget).toMatchObject({ spent_usd: 0, reserved_usd: 0.5 });
    await tasks.cancel(id);
    await answer;
    const cost = await LedgerReader.of(app).costOf([id]);
    expect(cost).toBeGreaterThan(0);
    expect((await usageOf(client)).budget).toMatchObject({ spent_usd: cost, reserved_usd: 0 });
  });

  it('keeps what a process had reserved while its lease runs, and not once it is known to be gone', async () => {
    const { owner, client, tasks } = await someone();
    const lost = newId();
    await rowsOf(
      app,
      `insert into tasks (owner, id, kind, state, attempt, input_hash, instance_id, lease_until)
       values ('${owner}', '${lost}', 'k', 'running', 1, 'x', 'gone', now() + interval '1 hour')`,
    );
    await rowsOf(
      app,
      `insert into llm_calls (id, task_id, task_attempt, owner, stage, kind, model, reserved_usd)
       values ('${newId()}', '${lost}', 1, '${owner}', 's', 'chat', 'm', ${PER_DAY})`,
    );
    expect((await answerOf(tasks.quiz(newId()))).json()).toMatchObject(EXHAUSTED);
    await rowsOf(app, `update tasks set lease_until = now() - interval '1 s' where id = '${lost}'`);
    await eventually(async () => (await usageOf(client)).budget?.reserved_usd === 0);
    expect((await answerOf(tasks.quiz(newId()))).status).toBe(200);
  });

  it('stops a job so that it can be resumed when there is a budget again, and nothing is paid for twice', async () => {
    const { owner, client, tasks } = await someone(1.05);
    consult(app.model);
    const project = new ProjectClient(client, 'p');
    await answerOf(project.put(machines(12)));
    const id = await project.begin();
    expect((await project.ended(id)).state).toBe('cancelled');
    expect(await tasks.task(id)).toMatchObject({ cancel: { cause: 'budget' }, progress: { total: 12 } });
    expect((await tasks.task(id)).progress.done).toBeGreaterThan(0);
    await rowsOf(app, `update llm_calls set started_at = now() - interval '25 hours' where owner = '${owner}'`);
    expect((await project.ended(await project.resume(id))).state).toBe('completed');
    const asked = app.model.journal.flatMap((call) => machineOf(call)?.id ?? []);
    expect(asked.toSorted()).toEqual(
      machines(12)
        .map((machine) => machine.id)
        .toSorted(),
    );
  });

  it('does not count yesterday', async () => {
    const { owner, tasks } = await someone(PER_DAY);
    await rowsOf(
      app,
      `update llm_calls set started_at = date_trunc('day', now() at time zone 'UTC') at time zone 'UTC' - interval '1 ms' where owner = '${owner}'`,
    );
    expect((await answerOf(tasks.quiz(newId()))).status).toBe(200);
  });
});
