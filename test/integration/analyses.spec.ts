import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { CancelAnswer } from '../../src/tasks/index.js';
import { eventually, Gate } from '../../src/testing/index.js';
import {
  about,
  adviceOn,
  advise,
  consult,
  from,
  machineOf,
  mostAtOnce,
  RECOMMENDATION,
  SUMMARY,
  SUMMED_UP,
} from '../support/analysis-model.js';
import { backends, type Backend } from '../support/backends.js';
import { LedgerReader } from '../support/ledger.js';
import { DatabaseWatch } from '../support/locks.js';
import { GOAL, machines, ProjectClient, type Machine } from '../support/project-client.js';
import { materialsOf } from '../support/quiz-model.js';
import { rowsOf } from '../support/rows.js';
import { answerOf, newId, TaskClient } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

/** So rare that every cancel here has to come by push. */
const HEARTBEAT = { LEASE_HEARTBEAT_MS: '30000', LEASE_MS: '90000' };

const FLEET = machines(101);

describe.each(backends)('an analysis, on %s', (backend: Backend) => {
  let app: TestApp;
  let owner: TaskClient;
  let fleet: ProjectClient;
  let projects = 0;

  beforeAll(async () => {
    app = await startTestApp({ backend, env: { ...HEARTBEAT, ANALYSIS_CONCURRENCY: '4', LLM_MAX_RETRIES: '0' } });
    const client = await app.client('owner');
    owner = new TaskClient(client);
    fleet = await projectOf(FLEET, new ProjectClient(client, ''));
  }, 60_000);
  afterEach(async () => {
    await answerOf(owner.client.post('/api/tasks/cancel', { kind: 'analysis' }));
    app.reset();
  });
  afterAll(() => app.close());

  /** A new project that consists of these. */
  async function projectOf(resources: readonly Machine[], of = fleet): Promise<ProjectClient> {
    const project = of.with({ project: `project ${(projects += 1)}` });
    expect((await answerOf(project.put(resources))).status).toBe(200);
    return project;
  }

  const called = (purpose = RECOMMENDATION) => app.model.journal.filter((call) => call.purpose === purpose);
  const idsCalled = (): string[] => called().map((call) => machineOf(call)!.id);

  /** An analysis of the 101 machines of which 13 are done, and the four after them held in the middle of the model's answer. */
  async function heldAt13(headers: Readonly<Record<string, string>> = {}, project = fleet): Promise<string> {
    consult(app.model);
    app.model.script(from(14), { holdAfter: 3, gate: new Gate(), ...advise() });
    const id = await project.begin({}, headers);
    for (const nth of [1, 2, 3, 4]) await app.model.sent(await app.model.called(from(14), nth), 3);
    await eventually(async () => (await project.analysis(id)).progress.done === 13);
    return id;
  }

  it('asks the model once for each of 101 machines, sums up what it said, and tells the log of every tenth', async () => {
    consult(app.model);
    const id = newId();
    const answer = await answerOf(fleet.analyse({}, { 'x-task-id': id, 'x-scope': 'week:3' }));
    expect([answer.status, answer.json(), answer.headers['x-task-id']]).toEqual([202, { task_id: id }, id]);
    const analysis = await fleet.ended(id);
    expect(analysis).toEqual({
      task_id: id,
      project_id: fleet.project,
      goal: GOAL,
      state: 'completed',
      progress: { done: 101, total: 101 },
      partial: false,
      recommendations: FLEET.map((machine) => ({ resource_id: machine.id, name: machine.name, ...adviceOn(machine) })),
      failed: [],
      totals: { estimated_saving: expect.any(Number), by_action: { keep: expect.any(Number), resize: expect.any(Number) } },
      summary: SUMMED_UP,
      error: null,
      resumed_from: null,
    });
    expect(analysis.totals.estimated_saving).toBeCloseTo(
      FLEET.reduce((sum, machine) => sum + adviceOn(machine).estimated_saving, 0),
      2,
    );
    expect(Object.values(analysis.totals.by_action).reduce((sum, count) => sum + count, 0)).toBe(101);
    expect(idsCalled().toSorted()).toEqual(FLEET.map((machine) => machine.id).toSorted());
    expect(called(SUMMARY)).toHaveLength(1);
    expect(app.model.journal).toHaveLength(102);
    const lines = app.logs.messages.filter((msg) => msg.startsWith(`[Tasks] Task ${id} at `));
    expect(lines).toEqual([10, 20, 30, 40, 50, 60, 70, 80, 90, 100].map((done) => `[Tasks] Task ${id} at ${done}/101`));
    expect(app.logs.messages).toContain(`[Analyses] Analysis summed up (project=${fleet.project} user=owner failed=0)`);
    expect(await owner.task(id)).toMatchObject({ kind: 'analysis', state: 'completed', scopes: [`project:${fleet.project}`, 'week:3'] });
  });

  it('shows the model the goal and the machine as it was stored, and the summary the totals', async () => {
    consult(app.model);
    const [machine] = FLEET;
    const project = await projectOf([machine!]);
    await project.ended(await project.begin({ goal: 'find idle machines' }));
    expect(materialsOf(app.model.journal, RECOMMENDATION)).toEqual([
      expect.objectContaining({ goal: 'find idle machines', resource: machine }),
    ]);
    const [material] = materialsOf(app.model.journal, SUMMARY);
    expect(material).toMatchObject({ goal: 'find idle machines', totals: { analysed: 1, failed: 0 } });
  });

  it('is understood by the built-in model, which advises by rules', async () => {
    const project = await projectOf(FLEET.slice(0, 3));
    const analysis = await project.ended(await project.begin());
    expect(analysis).toMatchObject({ state: 'completed', failed: [], summary: { summary: expect.any(String) } });
    expect(analysis.recommendations.map(({ resource_id }) => resource_id)).toEqual(['vm-1', 'vm-2', 'vm-3']);
  });

  it('asks four at a time', async () => {
    const gate = new Gate();
    consult(app.model);
    app.model.script(RECOMMENDATION, { hold: gate, ...advise() }, { times: 4 });
    const id = await fleet.begin({ resource_ids: FLEET.slice(0, 9).map((machine) => machine.id) });
    await app.model.called(RECOMMENDATION, 4);
    expect(await fleet.analysis(id)).toMatchObject({ state: 'running', progress: { done: 0, total: 9 } });
    gate.open();
    expect(await fleet.ended(id)).toMatchObject({ state: 'completed', progress: { done: 9 } });
    expect(mostAtOnce(called())).toBe(4);
  });

  it('can be read while it runs', async () => {
    const id = await heldAt13();
    const analysis = await fleet.analysis(id);
    expect(analysis).toMatchObject({ state: 'running', progress: { done: 13, total: 101 }, partial: true, failed: [], summary: null });
    const done = FLEET.slice(0, 13);
    expect(analysis.recommendations.map(({ resource_id }) => resource_id)).toEqual(done.map((machine) => machine.id));
    expect(analysis.totals.estimated_saving).toBeCloseTo(
      done.reduce((sum, machine) => sum + adviceOn(machine).estimated_saving, 0),
      2,
    );
  });

  describe('that is cancelled', () => {
    it('before it has come, by its id: 0 of 101, and no call of the model', async () => {
      consult(app.model);
      const id = newId();
      await owner.cancel(id, { pending: true, reason: 'gone already' });
      const answer = await answerOf(fleet.analyse({}, { 'x-task-id': id }));
      expect([answer.status, answer.json()]).toEqual([409, expect.objectContaining({ code: 'task_cancelled', detail: 'gone already' })]);
      expect(await owner.task(id)).toMatchObject({ state: 'cancelled', started_at: null, receipt: { calls_avoided: 102 } });
      expect(await fleet.analysis(id)).toMatchObject({ state: 'cancelled', progress: { done: 0, total: 101 }, recommendations: [] });
      expect(app.logs.messages).toContain(`[Tasks] Pending cancel honoured, task ${id} stopped at 0 work`);
      expect(app.model.journal).toEqual([]);
    });

    it('before it has come, by its project: 0 of 101, and the run after it is left alone', async () => {
      consult(app.model);
      const project = await projectOf(FLEET);
      const client = (issuedAt: number) => ({ 'x-client-id': 'page', 'x-issued-at': String(issuedAt) });
      expect((await project.cancelTasks(client(1_000_046))).json()).toMatchObject({ cancelled_count: 0, pending: true });
      const id = newId();
      expect((await answerOf(project.analyse({}, { 'x-task-id': id, ...client(1_000_000) }))).json()).toMatchObject({
        code: 'task_cancelled',
      });
      expect(await project.analysis(id)).toMatchObject({ state: 'cancelled', progress: { done: 0, total: 101 } });
      expect(app.model.journal).toEqual([]);
      const next = await project.begin({ resource_ids: ['vm-1'] }, client(1_000_100));
      expect(await project.ended(next)).toMatchObject({ state: 'completed', progress: { done: 1, total: 1 } });
    });

    it('as soon as it was told of: no recommendation, and whatever was in flight has had its socket closed', async () => {
      app.model.script(RECOMMENDATION, { hold: new Gate() });
      const id = await fleet.begin();
      const cancelled = await owner.cancelled(id);
      expect(cancelled.status).toBe('cancelled');
      await eventually(() => app.model.journal.every(({ outcome }) => outcome === 'client_closed'));
      expect(app.model.journal.length).toBeLessThanOrEqual(4);
      expect(cancelled.receipt?.calls_avoided).toBeGreaterThanOrEqual(98);
      expect(await fleet.analysis(id)).toMatchObject({ state: 'cancelled', progress: { done: 0, total: 101 }, recommendations: [] });
      expect(await LedgerReader.of(app).open()).toEqual([]);
    });

    it('at 13 of 101: keeps exactly those 13, closes the sockets in flight, and says where it stopped', async () => {
      const id = await heldAt13();
      const cancelled = await owner.cancelled(id);
      expect(cancelled).toMatchObject({ status: 'cancelled', receipt: { calls_avoided: 85, zombies: [], confirmed: true } });
      const inFlight = called().filter(from(14));
      expect(inFlight.map(({ outcome }) => outcome)).toEqual(Array.from({ length: 4 }, () => 'client_closed'));
      expect(called()).toHaveLength(17);
      expect(called(SUMMARY)).toEqual([]);
      expect(app.logs.messages).toContain(`[Tasks] Task ${id} cancelled at 13/101 (cause=user)`);
      expect(app.logs.messages.filter((msg) => /^\[item \d+\/101\] Cancelled by user, aborting LLM call$/.test(msg))).toHaveLength(4);
      expect(app.logs.at('error')).toEqual([]);
      const analysis = await fleet.analysis(id);
      expect(analysis).toMatchObject({ state: 'cancelled', partial: true, progress: { done: 13, total: 101 }, failed: [], summary: null });
      expect(analysis.recommendations.map(({ resource_id }) => resource_id)).toEqual(FLEET.slice(0, 13).map((machine) => machine.id));
      expect(await rowsOf(app, `select state from task_items where task_id = '${id}' and state = 'running'`)).toEqual([]);
      expect(await LedgerReader.of(app).open()).toEqual([]);
    });

    it('with its project, or by a scope of its own', async () => {
      const byProject = await heldAt13();
      expect((await fleet.cancelTasks()).json()).toMatchObject({ cancelled_count: 1, task_ids: [byProject] });
      expect(await fleet.analysis(byProject)).toMatchObject({ state: 'cancelled', progress: { done: 13 } });
      app.reset();
      const byScope = await heldAt13({ 'x-scope': 'week:4', 'x-client-id': 'page', 'x-issued-at': '1' });
      const answer = await answerOf(fleet.client.post('/api/tasks/cancel', { scope: 'week:4' }));
      expect(answer.json<{ tasks: CancelAnswer[] }>().tasks).toMatchObject([{ task_id: byScope, status: 'cancelled' }]);
    });
  });

  describe('that is resumed', () => {
    it('goes on with the other 88 as they were, pays for nothing twice, and shows what had been done', async () => {
      const project = await projectOf(FLEET);
      const first = await heldAt13({}, project);
      await owner.cancel(first);
      await answerOf(project.put([{ ...FLEET[50]!, name: 'renamed' }]));
      app.reset();
      consult(app.model);
      const second = await project.resume(first);
      const analysis = await project.ended(second);
      expect(idsCalled().toSorted()).toEqual(
        FLEET.slice(13)
          .map((machine) => machine.id)
          .toSorted(),
      );
      expect(called(SUMMARY)).toHaveLength(1);
      expect(app.model.journal).toHaveLength(89);
      expect(analysis).toMatchObject({ state: 'completed', resumed_from: first, progress: { done: 101, total: 101 }, summary: SUMMED_UP });
      expect(analysis.recommendations).toEqual(
        FLEET.map((machine) => ({ resource_id: machine.id, name: machine.name, ...adviceOn(machine) })),
      );
      expect(await project.analysis(first)).toMatchObject({ state: 'cancelled', progress: { done: 13 }, resumed_from: null });
    });

    it('after its summary had failed: every recommendation is there, and only the summary is paid for', async () => {
      const project = await projectOf(FLEET.slice(0, 5));
      consult(app.model);
      app.model.script(SUMMARY, { status: 400, body: { error: { message: 'no' } } });
      const first = await project.begin();
      const failed = await project.ended(first);
      expect(failed).toMatchObject({ state: 'failed', partial: true, progress: { done: 5, total: 5 }, error: { code: 'upstream_error' } });
      expect([failed.recommendations.length, failed.summary]).toEqual([5, null]);
      app.reset();
      consult(app.model);
      const second = await project.ended(await project.resume(first));
      expect(second).toMatchObject({ state: 'completed', summary: SUMMED_UP, resumed_from: first });
      expect(app.model.journal.map(({ purpose }) => purpose)).toEqual([SUMMARY]);
    });
  });

  describe('whose model fails', () => {
    it('for ever on one machine: that one fails, and the others have their recommendations', async () => {
      const project = await projectOf(FLEET.slice(0, 5));
      consult(app.model);
      app.model.script(about('vm-3'), { text: 'nonsense' });
      const analysis = await project.ended(await project.begin());
      expect(analysis).toMatchObject({ state: 'completed', progress: { done: 5, total: 5 }, summary: SUMMED_UP });
      expect(analysis.failed).toEqual([
        { resource_id: 'vm-3', name: 'machine 3', code: 'invalid_model_output', message: expect.stringContaining('not JSON') },
      ]);
      expect(analysis.recommendations.map(({ resource_id }) => resource_id)).toEqual(['vm-1', 'vm-2', 'vm-4', 'vm-5']);
      expect(materialsOf(app.model.journal, SUMMARY)).toMatchObject([{ totals: { analysed: 4, failed: 1 } }]);
    });

    it('once on one machine: it is asked again', async () => {
      const project = await projectOf(FLEET.slice(0, 2));
      consult(app.model);
      app.model.script(about('vm-2'), { text: 'nonsense' }, { times: 1 });
      const analysis = await project.ended(await project.begin());
      expect([analysis.recommendations.length, analysis.failed]).toEqual([2, []]);
    });

    it('on every machine: the task fails, says why, and asks for no summary', async () => {
      const project = await projectOf(FLEET.slice(0, 3));
      app.model.script(RECOMMENDATION, { text: 'nonsense' });
      const analysis = await project.ended(await project.begin());
      expect(analysis).toMatchObject({ state: 'failed', progress: { done: 3, total: 3 }, recommendations: [], summary: null });
      expect(analysis.error).toEqual({
        code: 'nothing_analysed',
        message: expect.stringMatching(/^None of the 3 resources could be analysed\. The first: .*not JSON/),
      });
      expect(analysis.failed).toHaveLength(3);
      expect(called(SUMMARY)).toEqual([]);
    });

    it('once on the summary: it is asked again', async () => {
      const project = await projectOf(FLEET.slice(0, 1));
      consult(app.model);
      app.model.script(SUMMARY, { text: 'nonsense' }, { times: 1 });
      expect(await project.ended(await project.begin())).toMatchObject({ state: 'completed', summary: SUMMED_UP });
      expect(called(SUMMARY)).toHaveLength(2);
    });
  });

  describe('that is asked for', () => {
    it('of some resources: has those, once each, in the order of the project', async () => {
      consult(app.model);
      const id = await fleet.begin({ resource_ids: ['vm-9', 'vm-2', 'vm-9', 'vm-2', 'vm-5'] });
      const { recommendations } = await fleet.ended(id);
      expect(recommendations.map(({ resource_id }) => resource_id)).toEqual(['vm-2', 'vm-5', 'vm-9']);
      expect(called()).toHaveLength(3);
    });

    it('of resources that are not there, or of none: is none', async () => {
      const unknown = await answerOf(fleet.analyse({ resource_ids: ['vm-1', 'vm-900', 'vm-901'] }));
      expect([unknown.status, unknown.json()]).toEqual([
        404,
        expect.objectContaining({
          code: 'resource_not_found',
          errors: [
            { pointer: '/body/resource_ids/1', detail: 'The project has no resource vm-900.' },
            { pointer: '/body/resource_ids/2', detail: 'The project has no resource vm-901.' },
          ],
        }),
      ]);
      const empty = await answerOf(fleet.with({ project: 'nothing here' }).analyse());
      expect([empty.status, empty.json()]).toEqual([422, expect.objectContaining({ code: 'project_empty' })]);
      for (const body of [{ resource_ids: [] }, { goal: ' ' }, { goal: 'a\0' }])
        expect((await answerOf(fleet.analyse(body))).status).toBe(400);
    });

    it('again, with the same id and body: is the same one, whatever has become of the project', async () => {
      const project = await projectOf(FLEET.slice(0, 3));
      consult(app.model);
      const headers = { 'x-task-id': newId() };
      const ids = await Promise.all([1, 2, 3].map(() => project.begin({ resource_ids: ['vm-1', 'vm-2'] }, headers)));
      await answerOf(project.put([]));
      ids.push(await project.begin({ resource_ids: ['vm-2', 'vm-1', 'vm-1'] }, headers));
      expect(new Set(ids)).toEqual(new Set([headers['x-task-id']]));
      expect(await project.ended(ids[0]!)).toMatchObject({ state: 'completed', progress: { total: 2 } });
      expect(called()).toHaveLength(2);
      const other = await answerOf(project.analyse({ goal: 'something else' }, headers));
      expect(other.json()).toMatchObject({ code: 'task_exists' });
    });

    it('by a client that hangs up once it was told: goes on', async () => {
      consult(app.model);
      const gate = new Gate();
      app.model.script(RECOMMENDATION, { hold: gate, ...advise() });
      const brief = await app.client('owner');
      const id = await fleet.with({ client: brief }).begin({ resource_ids: ['vm-1', 'vm-2'] });
      await app.model.called(RECOMMENDATION, 2);
      brief.close();
      gate.open();
      expect(await fleet.ended(id)).toMatchObject({ state: 'completed', progress: { done: 2 } });
    });
  });

  it('is its owner’s alone, and of its project', async () => {
    const id = await heldAt13();
    const other = fleet.with({ client: await app.client('somebody-else') });
    const notFound = [404, expect.objectContaining({ code: 'task_not_found' })];
    const refused = [
      other.client.get(other.path(`analyses/${id}`)),
      other.client.post(`/api/tasks/${id}/cancel`, {}),
      other.client.post(`/api/tasks/${id}/resume`, {}),
      fleet.client.get(fleet.with({ project: 'another' }).path(`analyses/${id}`)),
      fleet.client.get(fleet.path(`analyses/${newId()}`)),
    ];
    for (const call of refused) {
      const answer = await answerOf(call);
      expect([answer.status, answer.json()]).toEqual(notFound);
    }
    expect((await answerOf(other.analyse())).json()).toMatchObject({ code: 'project_empty' });
    expect((await other.cancelTasks()).json()).toMatchObject({ cancelled_count: 0 });
    const admin = fleet.with({ client: await app.client('chief', { scope: 'hangup:admin' }) });
    expect(await admin.analysis(id)).toMatchObject({ state: 'running', progress: { done: 13 } });
  });

  const onPostgres = (): void => {
    let watch: DatabaseWatch;
    beforeAll(async () => {
      watch = await DatabaseWatch.open(app.databaseUrl!);
    });
    afterAll(() => watch.close());

    it('is made though its client hangs up before it is told, and runs', async () => {
      consult(app.model);
      const id = newId();
      await watch.lock('resources');
      const call = fleet.analyse({ resource_ids: ['vm-1', 'vm-2'] }, { 'x-task-id': id });
      await watch.waiting();
      await call.hangUp();
      await watch.unlock();
      await eventually(async () => (await answerOf(fleet.client.get(`/api/tasks/${id}`))).status === 200);
      expect(await fleet.ended(id)).toMatchObject({ state: 'completed', progress: { done: 2 } });
    });
  };
  if (backend === 'postgres') describe('on a server that can be watched', onPostgres);
});
