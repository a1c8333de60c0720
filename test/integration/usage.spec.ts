import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Gate, type SocketClient } from '../../src/testing/index.js';
import type { Spent, UsageReport } from '../../src/usage/usage.dto.js';
import { consult } from '../support/analysis-model.js';
import { backends } from '../support/backends.js';
import { LedgerReader } from '../support/ledger.js';
import { machines, ProjectClient } from '../support/project-client.js';
import { rowsOf } from '../support/rows.js';
import { ask, registered, smallJobs } from '../support/small-jobs.js';
import { answerOf, newId, TaskClient } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { usageOf } from '../support/usage-client.js';

const NOTHING: Spent = {
  calls: 0,
  open_calls: 0,
  estimated_calls: 0,
  unpriced_calls: 0,
  prompt_tokens: 0,
  completion_tokens: 0,
  cost_usd: 0,
};
/** Of gpt-4o-mini and text-embedding-3-small, in US dollars per million tokens. */
const PRICES = { chat: { in: 0.15, out: 0.6 }, embeddings: { in: 0.02, out: 0 } };

describe.each(backends)('GET /api/usage, on %s', (backend) => {
  const idle = smallJobs('idle', { calls: (stage) => [`${stage} a`, `${stage} b`] });
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ backend, prepare: registered(idle) });
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(() => app.close());

  /** Somebody whom no other test knows. */
  async function someone(): Promise<{ owner: string; client: SocketClient; tasks: TaskClient }> {
    const owner = newId();
    const client = await app.client(owner);
    return { owner, client, tasks: new TaskClient(client) };
  }

  /** A quiz that is cancelled while the model answers `purpose`. Returns its id. */
  async function cancelAt(purpose: string, tasks: TaskClient): Promise<string> {
    const id = newId();
    const before = app.model.journal.filter((call) => call.purpose === purpose).length;
    app.model.script(purpose, { holdAfter: 5, gate: new Gate() }, { times: 1 });
    const call = tasks.quiz(id);
    await app.model.sent(await app.model.called(purpose, before + 1), 5);
    await tasks.cancel(id);
    await answerOf(call);
    return id;
  }

  async function quiz(tasks: TaskClient, id = newId()): Promise<string> {
    expect((await answerOf(tasks.quiz(id))).status).toBe(200);
    return id;
  }

  /** What the model itself has counted since the last reset. */
  function journalled(): Pick<Spent, 'calls' | 'prompt_tokens' | 'completion_tokens' | 'cost_usd'> {
    const sum = { calls: 0, prompt_tokens: 0, completion_tokens: 0, cost_usd: 0 };
    for (const { kind, promptTokens, completionTokens } of app.model.journal) {
      const out = kind === 'chat' ? completionTokens : 0;
      sum.calls += 1;
      sum.prompt_tokens += promptTokens;
      sum.completion_tokens += out;
      sum.cost_usd += (promptTokens * PRICES[kind].in + out * PRICES[kind].out) / 1_000_000;
    }
    return { ...sum, cost_usd: Math.round(sum.cost_usd * 1e8) / 1e8 };
  }

  it('is nothing for somebody who has done nothing, with the date of the prices', async () => {
    const { owner, client } = await someone();
    const usage = await usageOf(client);
    const saved = { calls: 0, unpriced_calls: 0, cost_usd: 0, rests_on_calls: 0 };
    expect(usage).toMatchObject({
      owner,
      prices_as_of: '2026-11-01',
      budget: null,
      ended_tasks: 0,
      spent: NOTHING,
      wasted: NOTHING,
      saved,
    });
    expect(usage.cancels).toEqual({ tasks: 0, rate: null });
    expect([usage.by_day, usage.by_kind, usage.by_cause, usage.by_stage]).toEqual([[], [], [], []]);
    expect(Date.parse(usage.to) - Date.parse(usage.from)).toBe(30 * 86_400_000);
  });

  it('has spent what the model itself has counted, by day, kind and stage alike', async () => {
    const { client, tasks } = await someone();
    app.reset();
    await quiz(tasks);
    await quiz(tasks);
    const { spent, by_day, by_kind, by_stage, wasted } = await usageOf(client);
    expect(spent).toEqual({ ...NOTHING, ...journalled() });
    expect(spent.calls).toBe(6);
    expect(wasted).toEqual(NOTHING);
    expect(by_day).toEqual([expect.objectContaining({ day: new Date().toISOString().slice(0, 10), spent, ended_tasks: 2 })]);
    expect(by_kind).toEqual([expect.objectContaining({ kind: 'quiz_generation', spent, ended_tasks: 2 })]);
    expect(by_stage.map(({ kind, stage }) => [kind, stage])).toEqual([
      ['quiz_generation', 'evaluate_content'],
      ['quiz_generation', 'generate_quiz'],
      ['quiz_generation', 'retrieve_content'],
    ]);
    expect(summed(by_stage)).toEqual({ calls: spent.calls, prompt: spent.prompt_tokens, cost: spent.cost_usd });
  });

  it('has wasted what went to tasks that were then cancelled, and tells it by cause and by the stage that it went to', async () => {
    const { client, tasks } = await someone();
    await quiz(tasks);
    const cancelled = [await cancelAt('quiz', tasks), await cancelAt('quiz_evaluation', tasks)];
    const rows = (await Promise.all(cancelled.map((id) => LedgerReader.of(app).callsOf(id)))).flat();
    const { spent, wasted, by_cause, by_stage, cancels, ended_tasks } = await usageOf(client);
    expect(rows).toHaveLength(5);
    expect(wasted).toMatchObject({ calls: 5, estimated_calls: 2, prompt_tokens: rows.reduce((sum, row) => sum + row.prompt_tokens, 0) });
    expect(wasted.cost_usd).toBeCloseTo(
      rows.reduce((sum, row) => sum + Number(row.cost_usd), 0),
      8,
    );
    expect(spent.calls).toBe(8);
    expect({ cancels, ended_tasks }).toEqual({ cancels: { tasks: 2, rate: 2 / 3 }, ended_tasks: 3 });
    expect(by_cause).toEqual([expect.objectContaining({ cause: 'user', wasted, cancels })]);
    const wastedAt = by_stage.map(({ stage, wasted: { calls }, cancels: { tasks: count, rate } }) => [stage, calls, count, rate]);
    expect(wastedAt).toEqual([
      ['evaluate_content', 1, 1, 1 / 3],
      ['generate_quiz', 2, 1, 1 / 3],
      ['retrieve_content', 2, 0, 0],
    ]);
  });

  it('has saved the calls avoided, each at what such a call has cost so far, and says how many that rests on', async () => {
    const { client, tasks } = await someone();
    const ids = [await quiz(tasks), await quiz(tasks)];
    await cancelAt('quiz', tasks);
    const whole = (await Promise.all(ids.map((id) => LedgerReader.of(app).callsOf(id, 'evaluate_content')))).flat();
    // In the units in which money is booked, so that a mean half-way between two of them is rounded as the database rounds it.
    const units = whole.reduce((sum, { cost_usd }) => sum + Math.round(Number(cost_usd) * 1e8), 0);
    const mean = Math.round(units / whole.length) / 1e8;
    const { saved, by_cause, by_stage, by_kind } = await usageOf(client);
    expect(saved).toEqual({ calls: 1, unpriced_calls: 0, cost_usd: expect.closeTo(mean, 8), rests_on_calls: 2 });
    expect(by_cause).toEqual([expect.objectContaining({ cause: 'user', saved })]);
    expect(by_kind).toEqual([expect.objectContaining({ kind: 'quiz_generation', saved })]);
    // The quiz that was cut is no measure of what a whole one costs.
    expect(by_stage.find(({ stage }) => stage === 'generate_quiz')).toMatchObject({ spent: { calls: 3 }, mean: { calls: 2 } });
    expect(by_stage.find(({ stage }) => stage === 'evaluate_content')).toMatchObject({
      mean: { cost_usd: expect.closeTo(mean, 8), calls: 2 },
      saved,
    });
  });

  it('counts a call avoided of a stage that has never completed, and makes up no price for it', async () => {
    const { client, tasks } = await someone();
    await cancelAt('quiz', tasks);
    const { saved, by_stage } = await usageOf(client);
    expect(saved).toEqual({ calls: 1, unpriced_calls: 1, cost_usd: 0, rests_on_calls: 0 });
    expect(by_stage.find(({ stage }) => stage === 'evaluate_content')).toMatchObject({ mean: null, saved: { calls: 1 } });
  });

  it('has saved all calls of what was stopped before it began, whichever way', async () => {
    const { owner, client, tasks } = await someone();
    const [byId, byScope, waiting] = [newId(), newId(), newId()];
    await tasks.cancel(byId, { pending: true });
    expect((await usageOf(client)).cancels.tasks).toBe(0);
    await answerOf(tasks.quiz(byId));
    await answerOf(client.post('/api/tasks/cancel', { scope: 'project:1' }));
    await answerOf(tasks.quiz(byScope, { 'x-scope': 'project:1' }));
    await rowsOf(
      app,
      `insert into tasks (owner, id, kind, state, is_job, attempt, input_hash, planned_calls, planned_stages)
       values ('${owner}', '${waiting}', 'idle', 'queued', true, 1, 'x', 5, '{"item a":2,"item b":2,"last":1}')`,
    );
    await rowsOf(
      app,
      `insert into llm_calls (id, task_id, owner, stage, kind, model, outcome) values ('${newId()}', '${waiting}', '${owner}', 'item 1/2 a', 'chat', 'm', 'completed')`,
    );
    expect(await tasks.cancelled(waiting)).toMatchObject({ receipt: { calls_avoided: 4 } });
    const { saved, by_stage, by_cause } = await usageOf(client);
    expect(saved).toMatchObject({ calls: 3 + 3 + 4, unpriced_calls: 10 });
    expect(by_stage.filter(({ kind }) => kind === 'idle').map(({ stage, saved: { calls } }) => [stage, calls])).toEqual([
      [null, 0],
      ['item a', 1],
      ['item b', 2],
      ['last', 1],
    ]);
    expect(by_cause.map(({ cause, cancels }) => [cause, cancels.tasks])).toEqual([
      ['user', 2],
      ['scope', 1],
    ]);
  });

  it('tells the items of a job as one stage', async () => {
    const { client } = await someone();
    consult(app.model);
    const project = new ProjectClient(client, 'p');
    await answerOf(project.put(machines(3)));
    await project.ended(await project.begin());
    const { by_stage } = await usageOf(client);
    expect(by_stage.map(({ kind, stage, spent: { calls }, mean }) => [kind, stage, calls, mean?.calls])).toEqual([
      ['analysis', 'item', 3, 3],
      ['analysis', 'summary', 1, 1],
    ]);
  });

  it('shows their own to everybody, and everybody’s to an administrator', async () => {
    const [one, other] = [await someone(), await someone()];
    await quiz(one.tasks);
    await cancelAt('quiz', other.tasks);
    expect((await usageOf(one.client)).wasted).toEqual(NOTHING);
    expect((await usageOf(one.client, `?owner=${one.owner}`)).spent.calls).toBe(3);
    for (const owner of [other.owner, 'nobody']) {
      const answer = await answerOf(one.client.get(`/api/usage?owner=${owner}`));
      expect([answer.status, answer.json<{ code: string }>().code]).toEqual([403, 'admin_required']);
    }
    const admin = await app.client('boss', { scope: 'hangup:admin' });
    expect(await usageOf(admin, `?owner=${other.owner}`)).toMatchObject({ owner: other.owner, spent: { calls: 2 }, ended_tasks: 1 });
    const all = await usageOf(admin);
    const [counted] = await rowsOf<{ calls: number }>(app, 'select count(*)::int as calls from llm_calls');
    expect(all).toMatchObject({ owner: null, spent: { calls: counted?.calls } });
    expect(all.by_kind.map(({ kind }) => kind)).toContain('passage_index');
  });

  it('has the days asked for, the first moment of `to` excluded; calls count for the day they began, tasks for the day they ended', async () => {
    const { owner, client } = await someone();
    const task = newId();
    await rowsOf(
      app,
      `insert into tasks (owner, id, kind, state, input_hash, finished_at, cancel, receipt, avoided_stages) values
        ('${owner}', '${task}', 'k', 'cancelled', 'x', '2026-03-02T00:00:00Z', '{"cause":"deadline"}', '{"stage":"file 3/40 classify"}', '{"s":2}')`,
    );
    const call = (at: string): string =>
      `('${newId()}', '${task}', '${owner}', 's', 'chat', 'm', 'completed', 1, '2026-01-01', 0.5, '${at}')`;
    await rowsOf(
      app,
      `insert into llm_calls (id, task_id, owner, stage, kind, model, outcome, prompt_tokens, prices_as_of, cost_usd, started_at)
       values ${call('2026-03-01T23:59:59.999Z')}, ${call('2026-03-02T12:00:00Z')}, ${call('2026-03-03T00:00:00Z')}`,
    );
    const days = ({ by_day }: UsageReport) =>
      by_day.map(({ day, spent, cancels, saved }) => [day, spent.cost_usd, cancels.tasks, saved.cost_usd]);
    expect(days(await usageOf(client, '?from=2026-03-01&to=2026-03-03'))).toEqual([
      ['2026-03-01', 0.5, 0, 0],
      ['2026-03-02', 0.5, 1, 1],
    ]);
    expect(days(await usageOf(client, '?from=2026-03-02T00:00:00Z&to=2026-03-03T00:00:00.001Z'))).toEqual([
      ['2026-03-02', 0.5, 1, 1],
      ['2026-03-03', 0.5, 0, 0],
    ]);
    const { by_stage, by_cause } = await usageOf(client, '?from=2026-03-01&to=2026-03-03');
    expect(by_stage.map(({ stage, cancels }) => [stage, cancels.tasks])).toEqual([
      ['file classify', 1],
      ['s', 0],
    ]);
    expect(by_cause).toMatchObject([{ cause: 'deadline', wasted: { calls: 2, cost_usd: 1 }, cancels: { tasks: 1, rate: 1 } }]);
  });

  it.each(['?from=2026-03-02&to=2026-03-02', '?from=2020-01-01&to=2026-01-01', '?to=soon', '?from=2026-13-01'])(
    'refuses %s',
    async (query) => {
      const { client } = await someone();
      const answer = await answerOf(client.get(`/api/usage${query}`));
      expect([answer.status, answer.json<{ code: string }>().code]).toEqual([400, 'validation_failed']);
    },
  );

  it('counts a call whose process has died as open, and what releases before this one have left as unpriced', async () => {
    const { owner, client } = await someone();
    await rowsOf(
      app,
      `insert into llm_calls (id, task_id, owner, stage, kind, model) values ('${newId()}', '${newId()}', '${owner}', 's', 'chat', 'm')`,
    );
    await rowsOf(
      app,
      `insert into tasks (owner, id, kind, state, input_hash, finished_at, cancel, receipt) values
        ('${owner}', '${newId()}', 'k', 'cancelled', 'x', now(), '{"cause":"user"}', '{"stage":null,"calls_avoided":7}')`,
    );
    const { spent, saved, by_kind } = await usageOf(client);
    expect(spent).toEqual({ ...NOTHING, calls: 1, open_calls: 1 });
    expect(saved).toMatchObject({ calls: 7, unpriced_calls: 7 });
    expect(by_kind.map(({ kind }) => kind)).toEqual(['k', 'unknown']);
  });

  it('says which calls were of a model without a price', async () => {
    const { owner, client } = await someone();
    await rowsOf(
      app,
      `insert into llm_calls (id, task_id, owner, stage, kind, model, outcome, prompt_tokens) values
        ('${newId()}', '${newId()}', '${owner}', 's', 'chat', 'of tomorrow', 'completed', 10)`,
    );
    const { spent, by_stage } = await usageOf(client);
    expect(spent).toMatchObject({ unpriced_calls: 1, cost_usd: 0 });
    expect(by_stage).toMatchObject([{ mean: null }]);
  });

  it('tells a job that waited and was cancelled by the stages it would have come to', async () => {
    const { owner, client, tasks } = await someone();
    const held = new Gate();
    idle.work = async () => await held.wait();
    const begun = await Promise.all([ask(app, idle, 1, { owner }), ask(app, idle, 1, { owner })]);
    const id = await ask(app, idle, 3, { owner });
    expect(await tasks.cancelled(id)).toMatchObject({ status: 'cancelled', receipt: { calls_avoided: 7 } });
    held.open();
    const { by_stage } = await usageOf(client);
    expect(begun).toHaveLength(2);
    expect(by_stage.map(({ stage, saved }) => [stage, saved.calls])).toEqual([
      [null, 0],
      ['item a', 3],
      ['item b', 3],
      ['last', 1],
    ]);
  });
});

function summed(rows: readonly { readonly spent: Spent }[]): object {
  const sum = (field: keyof Spent): number => rows.reduce((total, { spent }) => total + spent[field], 0);
  return { calls: sum('calls'), prompt: sum('prompt_tokens'), cost: Math.round(sum('cost_usd') * 1e8) / 1e8 };
}
