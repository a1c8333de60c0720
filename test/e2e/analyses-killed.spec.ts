import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, Gate } from '../../src/testing/index.js';
import { advise, consult, from, machineOf, SUMMARY } from '../support/analysis-model.js';
import { runsPostgres } from '../support/backends.js';
import { BuiltApp } from '../support/built-app.js';
import { Cluster, type Instance } from '../support/cluster.js';
import { machines, ProjectClient } from '../support/project-client.js';
import { newId } from '../support/task-client.js';

const FLEET = machines(101);
/** How many of an analysis are asked about at once. */
const AT_ONCE = 4;
const DONE = 40;

(runsPostgres ? describe : describe.skip)('an analysis of 101 machines whose process goes away at the 40th', () => {
  let built: BuiltApp;
  let cluster: Cluster;

  beforeAll(async () => {
    built = await BuiltApp.build();
    const env = { LEASE_HEARTBEAT_MS: '200', LEASE_MS: '1000', DRAIN_TIMEOUT_MS: '20000' };
    cluster = await Cluster.start(built, { instances: 2, env });
  }, 120_000);
  afterEach(() => cluster.model.reset());
  afterAll(async () => {
    await cluster.stop();
    await built.remove();
  });

  /** An analysis of which 40 are done, and the four after them in flight; and who works on it. */
  async function heldAt40(): Promise<{ id: string; gate: Gate; worker: Instance; project: ProjectClient }> {
    const gate = new Gate();
    consult(cluster.model);
    cluster.model.script(from(DONE + 1), { holdAfter: 3, gate, ...advise() });
    const ask = new ProjectClient(await cluster.client(cluster.instance(0).url), newId());
    await ask.put(FLEET).answer;
    const id = await ask.begin();
    await cluster.model.called(from(DONE + 1), AT_ONCE);
    await eventually(async () => (await itemsOf(id, 'completed')) === DONE, { message: 'forty being done' });
    const [row] = await cluster.database.rows('select instance_id from tasks where id = $1', [id]);
    const worker = cluster.instances.find(({ name }) => String(row?.instance_id).startsWith(`${name}/`))!;
    const other = cluster.instances.find((instance) => instance !== worker)!;
    return { id, gate, worker, project: ask.with({ client: await cluster.client(other.url) }) };
  }

  async function itemsOf(id: string, state: string): Promise<number> {
    return (await cluster.database.rows('select from task_items where task_id = $1 and state = $2', [id, state])).length;
  }

  /** How often the model was asked about each machine, by how often. */
  function timesAsked(): Record<number, string[]> {
    const asked = cluster.model.journal.flatMap((call) => machineOf(call)?.id ?? []);
    return Object.groupBy(
      FLEET.map(({ id }) => id),
      (id) => asked.filter((each) => each === id).length,
    ) as Record<number, string[]>;
  }

  /** The stages of the ledger's rows with this outcome, in the order of the items. */
  async function stagesOf(id: string, outcome: string): Promise<string[]> {
    const rows = await cluster.database.rows('select stage from llm_calls where task_id = $1 and outcome = $2', [id, outcome]);
    return rows.map(({ stage }) => String(stage)).toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  }

  const IN_FLIGHT = [41, 42, 43, 44];
  const stagesFrom = (first: number): string[] => FLEET.slice(first - 1).map((_, i) => `item ${first + i}/101`);

  it('killed: another finishes it, what was in flight alone is asked again, and the ledger shows just what', async () => {
    const { id, worker, project } = await heldAt40();
    await worker.kill();
    consult(cluster.model);
    const analysis = await project.ended(id);
    expect(analysis).toMatchObject({ state: 'completed', progress: { done: 101, total: 101 }, failed: [] });
    expect(analysis.recommendations.map(({ resource_id }) => resource_id)).toEqual(FLEET.map((machine) => machine.id));
    const times = timesAsked();
    expect(Object.keys(times)).toEqual(['1', '2']);
    expect(times[2]).toEqual(IN_FLIGHT.map((n) => `vm-${n}`));
    expect(await stagesOf(id, 'open')).toEqual(IN_FLIGHT.map((n) => `item ${n}/101`));
    expect(await stagesOf(id, 'completed')).toEqual([...stagesFrom(1), SUMMARY_STAGE]);
    const [row] = await cluster.database.rows('select attempt, losses from tasks where id = $1', [id]);
    expect(row).toEqual({ attempt: 2, losses: 1 });
    await worker.restart();
  }, 60_000);

  it('killed while it is being cancelled: it ends as cancelled, with what was done, and can be gone on with', async () => {
    const { id, worker, project } = await heldAt40();
    worker.process.freeze();
    const cancelled = await project.client.post(`/api/tasks/${id}/cancel`, { wait_ms: 0 }).answer;
    expect(cancelled?.json()).toMatchObject({ status: 'cancelling' });
    await worker.kill();
    consult(cluster.model);
    expect(await project.ended(id)).toMatchObject({ state: 'cancelled', partial: true });
    expect(await itemsOf(id, 'completed')).toBe(DONE);
    const before = cluster.model.journal.length;
    const next = await project.resume(id);
    expect(await project.ended(next)).toMatchObject({ state: 'completed', progress: { done: 101, total: 101 } });
    expect(cluster.model.journal.length - before).toBe(101 - DONE + 1);
    await worker.restart();
  }, 60_000);

  it('told to leave: it finishes what is in flight, another goes on, and nothing is asked twice', async () => {
    const { id, gate, worker, project } = await heldAt40();
    const left = worker.process.stop('SIGTERM');
    await eventually(() => worker.process.stdout.includes('[Drain] Taking no more work'));
    consult(cluster.model);
    gate.open();
    expect(await left).toBe(0);
    expect(await project.ended(id)).toMatchObject({ state: 'completed', progress: { done: 101, total: 101 } });
    expect(Object.keys(timesAsked())).toEqual(['1']);
    expect(cluster.model.journal.filter(({ purpose }) => purpose === SUMMARY)).toHaveLength(1);
    expect(await stagesOf(id, 'open')).toEqual([]);
    const [row] = await cluster.database.rows('select attempt, losses from tasks where id = $1', [id]);
    expect(row).toEqual({ attempt: 2, losses: 0 });
    await worker.restart();
  }, 60_000);
});

const SUMMARY_STAGE = 'summary';
