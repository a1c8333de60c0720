import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually } from '../../src/testing/index.js';
import { runsPostgres } from '../support/backends.js';
import { BuiltApp } from '../support/built-app.js';
import { Cluster, tokenFor } from '../support/cluster.js';
import { EventClient, type HeardStream } from '../support/event-client.js';
import { newId, QUIZ } from '../support/task-client.js';

const describeIfThere = runsPostgres ? describe : describe.skip;

const GRACE_MS = 2000;

describeIfThere('a client that has left, of an instance that', () => {
  let built: BuiltApp;
  let cluster: Cluster;
  let clients: EventClient[];

  beforeAll(async () => {
    built = await BuiltApp.build();
    const strict = { NODE_OPTIONS: '--unhandled-rejections=strict', LEASE_HEARTBEAT_MS: '200', LEASE_MS: '1500' };
    cluster = await Cluster.start(built, { instances: 2, env: strict });
  }, 120_000);
  afterEach(async () => {
    for (const { process } of cluster.instances) process.thaw();
    await cluster.quiet();
    cluster.model.reset();
  });
  afterAll(async () => {
    for (const { process } of cluster.instances) expect(process.stdout + process.stderr).not.toMatch(/unhandled|"level":"?(error|50)/i);
    await cluster.stop();
    await built.remove();
  });

  const at = async (i: number) => EventClient.at(cluster.instance(i).url, await tokenFor('learner'));

  /** A quiz on the first instance whose client has gone within its grace, and one who reads on the second. */
  async function left(query: string): Promise<{ id: string; there: HeardStream; heard: number }> {
    clients = [await at(0), await at(1)];
    const id = newId();
    cluster.model.script('quiz', { stallAfter: 5 }, { times: 1 });
    const stream = clients[0]!.quiz(id, QUIZ, { 'x-on-disconnect': `grace=${GRACE_MS}` });
    await cluster.model.sent(await cluster.model.called('quiz'), 5);
    const there = clients[1]!.follow(id, { query });
    await there.event('stage-start', 3);
    stream.hangUp();
    await eventually(async () => (await rowOf(id))?.attached_until !== null);
    return { id, there, heard: there.events.length };
  }

  async function rowOf(id: string): Promise<Record<string, unknown> | undefined> {
    return (await cluster.database.rows('select * from tasks where id = $1', [id]))[0];
  }

  it('is killed then, hears of it where it has come back to', async () => {
    const { id, there } = await left('?attach=1');
    await cluster.instance(0).kill();
    expect(await there.event('task-end')).toMatchObject({ id: '2-0', data: { state: 'failed', problem: { code: 'owner_lost' } } });
    await there.heard();
    expect(there.types.filter((type) => type === 'task-end')).toHaveLength(1);
    expect(await clients[1]!.follow(id, { after: '2-0' }).status()).toBe(204);
    await cluster.instance(0).restart();
  }, 60_000);

  it('stands still then, hears of it, and the instance that wakes up says nothing more', async () => {
    const { id, there } = await left('');
    cluster.instance(0).process.freeze();
    const end = await there.event('task-end');
    expect(end.data).toMatchObject({ state: expect.stringMatching(/failed|cancelled/) });
    cluster.instance(0).process.thaw();
    await eventually(() => cluster.model.journal.find(({ purpose }) => purpose === 'quiz')?.outcome === 'client_closed');
    for (const client of clients) {
      const late = await client.follow(id).heard();
      // What it spent before it stopped is booked when it wakes up: nothing else of the end may change.
      expect(late.map((event) => event.id)).toEqual(there.events.map((event) => event.id));
      expect({ ...late.at(-1)!.data, usage: null }).toEqual({ ...end.data, usage: null });
    }
  }, 60_000);
});
