import { performance } from 'node:perf_hooks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, type SocketClient } from '../../src/testing/index.js';
import { runsPostgres } from '../support/backends.js';
import { BuiltApp } from '../support/built-app.js';
import { Cluster } from '../support/cluster.js';
import { answerOf, newId, TaskClient } from '../support/task-client.js';

const DEADLINE_MS = 2000;

(runsPostgres ? describe : describe.skip)('a process that stands still in a query', () => {
  let built: BuiltApp;
  let cluster: Cluster;
  let client: SocketClient;

  beforeAll(async () => {
    built = await BuiltApp.build();
    cluster = await Cluster.start(built, { instances: 1, env: { LEASE_MS: '60000' } });
    client = await cluster.client(cluster.instance(0).url);
  }, 120_000);
  afterEach(async () => {
    cluster.instance(0).process.thaw();
    await cluster.database.unlock();
    await cluster.quiet();
  });
  afterAll(async () => {
    await cluster.stop();
    await built.remove();
  });

  it.each([
    ['outside of a transaction', 'chapters', 'find_chapter'],
    ['in one', 'quizzes', 'save_quiz'],
  ])('%s: the server ends the query at the deadline by itself, and the client is told once somebody can', async (_, table, stage) => {
    const { database } = cluster;
    const { process } = cluster.instance(0);
    await database.lock(table);
    const id = newId();
    const from = performance.now();
    const call = new TaskClient(client).quiz(id, { 'x-deadline-ms': String(DEADLINE_MS) });
    await database.waiting();
    process.freeze();
    await eventually(async () => (await database.activity()).length === 0, { timeoutMs: 10_000, message: 'the server ending the query' });
    expect(performance.now() - from).toBeGreaterThanOrEqual(DEADLINE_MS);
    const [row] = await database.rows('select state from tasks where id = $1', [id]);
    expect(row).toEqual({ state: 'running' });
    await database.unlock();
    process.thaw();
    const answer = await answerOf(call);
    expect(answer.json()).toMatchObject({ status: 504, code: 'deadline_exceeded', task_id: id, receipt: { stage } });
    expect(await database.rows('select * from quizzes where task_id = $1', [id])).toEqual([]);
  });
});
