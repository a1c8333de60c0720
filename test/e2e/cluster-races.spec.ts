import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { eventually, type Call, type SocketClient } from '../../src/testing/index.js';
import { runsPostgres } from '../support/backends.js';
import { BuiltApp } from '../support/built-app.js';
import { Cluster } from '../support/cluster.js';
import { HeldQuizzes, type HeldQuiz } from '../support/held-quizzes.js';
import { addLessons, quizOf } from '../support/lessons.js';
import { OwnRedis, startsRedis } from '../support/redis.js';

const describeIfThere = runsPostgres && startsRedis ? describe : describe.skip;

const LEASE_MS = 1000;
const ENV = { LEASE_HEARTBEAT_MS: '200', LEASE_MS: String(LEASE_MS) };
/** The space in which owners are locked: what a create holds shared, and a cancel of what may not be there yet exclusive. */
const OWNERS = 0x48616e67;

/** A connection that holds what it has locked, as that of an instance does which stands still in the middle of a transaction. */
class Standstill {
  private constructor(private readonly client: pg.Client) {}

  static async begin(databaseUrl: string, statement: string, values: unknown[]): Promise<Standstill> {
    const client = new pg.Client({ connectionString: databaseUrl });
    await client.connect();
    await client.query('begin');
    await client.query(statement, values);
    return new Standstill(client);
  }

  async end(): Promise<void> {
    await this.client.end();
  }
}

describeIfThere('two instances and races that are decided', () => {
  let built: BuiltApp;
  let redis: OwnRedis;
  let cluster: Cluster;
  let quizzes: HeldQuizzes;
  /** Of each test one, so that none of them is met by the marks of another. */
  let owner: string;
  let here: SocketClient;
  let there: SocketClient;
  let standstill: Standstill | undefined;

  beforeAll(async () => {
    [built, redis] = await Promise.all([BuiltApp.build(), OwnRedis.prepare()]);
    await redis.start();
    cluster = await Cluster.start(built, { instances: 2, redisUrl: redis.url, env: ENV });
    await addLessons(cluster.database, 100);
    quizzes = new HeldQuizzes(cluster.model);
  }, 120_000);
  beforeEach(async () => {
    owner = randomUUID();
    here = await cluster.client(cluster.instance(0).url, owner);
    there = await cluster.client(cluster.instance(1).url, owner);
  });
  afterEach(async () => {
    await standstill?.end();
    standstill = undefined;
    cluster.model.reset();
    await cluster.quiet();
  });
  afterAll(async () => {
    await cluster.stop();
    await redis.remove();
    await built.remove();
  });

  async function stateOf({ id }: HeldQuiz): Promise<unknown> {
    const [row] = await cluster.database.rows('select state from tasks where id = $1', [id]);
    return row?.state;
  }

  async function lockOwner(): Promise<void> {
    standstill = await Standstill.begin(cluster.databaseUrl, 'select pg_advisory_xact_lock($1, hashtext($2))', [OWNERS, owner]);
  }

  async function unlock(): Promise<void> {
    await standstill?.end();
    standstill = undefined;
  }

  /** Resolves when so many creates stand before their owner's lock. */
  async function createsWaiting(count: number): Promise<void> {
    const waiting = "select 1 from pg_locks where locktype = 'advisory' and classid = $1::bigint::oid and not granted";
    await eventually(async () => expect(await cluster.database.rows(waiting, [OWNERS])).toHaveLength(count));
  }

  /** What was sent to the first instance before has come to where it waits: this came later, and has been answered. */
  async function heard(): Promise<void> {
    expect((await here.get('/api/books').answer)?.status).toBe(200);
  }

  async function answerOf(call: Call): Promise<{ status: number; code?: string; task_id?: string }> {
    const answer = await call.answer;
    return { ...answer!.json<{ code?: string }>(), status: answer!.status };
  }

  function create(client: SocketClient, id: string, body: object): Call {
    return client.post('/api/quizzes/generate', body, { 'x-task-id': id });
  }

  describe('a scope cancel and what its client issues after it', () => {
    const issued = (at: number): Record<string, string> => ({ 'x-client-id': 'phone', 'x-issued-at': String(at), 'x-scope': 'session:s' });

    it('a cancel that is overtaken by the next quiz of its client lets that one go on', async () => {
      const held = await quizzes.start(here, { headers: issued(11) });
      const cancel = there.post('/api/tasks/cancel', { scope: 'session:s' }, { 'x-client-id': 'phone', 'x-issued-at': '10' });
      expect((await cancel.answer)?.json()).toMatchObject({ cancelled_count: 0, pending: true });
      held.gate.open();
      expect(await answerOf(held.call)).toMatchObject({ status: 200 });
    });

    it('and stops what its client had issued before it', async () => {
      const held = await quizzes.start(here, { headers: issued(9) });
      const cancel = there.post('/api/tasks/cancel', { scope: 'session:s' }, { 'x-client-id': 'phone', 'x-issued-at': '10' });
      expect((await cancel.answer)?.json()).toMatchObject({ cancelled_count: 1, pending: true });
      expect(await answerOf(held.call)).toMatchObject({ status: 409, code: 'task_cancelled' });
    });
  });

  describe('an id that is being used twice at once', () => {
    /** Hangs up on a create that stands before its owner's lock, and asks again in the same moment. */
    async function askAgain(lesson: number): Promise<{ status: number }> {
      const [id, body] = [randomUUID(), quizOf(lesson)];
      const { process } = cluster.instance(0);
      await lockOwner();
      const first = create(here, id, body);
      await createsWaiting(1);
      // So that both come at once. Somebody who stands still says nothing that one could wait for.
      process.freeze();
      await first.hangUp();
      const again = create(here, id, body);
      await delay(50);
      process.thaw();
      await unlock();
      return await answerOf(again);
    }

    it('a phone that hangs up and asks again at once gets its quiz', async () => {
      // What comes first, and how far it has come by then, differs from time to time.
      for (let time = 0; time < 12; time += 1) expect(await askAgain(80 + time)).toMatchObject({ status: 200 });
    });

    it('is never answered with the quiz of another body', async () => {
      const held = await quizzes.start(there);
      await lockOwner();
      const other = create(here, held.id, quizOf(95));
      await createsWaiting(1);
      const again = create(here, held.id, quizOf(95));
      await heard();
      await unlock();
      expect(await answerOf(other)).toMatchObject({ status: 409, code: 'task_exists' });
      held.gate.open();
      expect(await answerOf(again)).toMatchObject({ status: 409, code: 'task_exists' });
    });

    it('a retry is not refused for the sake of another body that is about to be refused itself', async () => {
      const held = await quizzes.start(there);
      await lockOwner();
      const other = create(here, held.id, quizOf(96));
      await createsWaiting(1);
      const again = create(here, held.id, held.body);
      await heard();
      await unlock();
      held.gate.open();
      expect(await answerOf(other)).toMatchObject({ status: 409, code: 'task_exists' });
      expect(await answerOf(again)).toMatchObject({ status: 200, task_id: held.id });
    });

    it('a cancel of the task leaves another body under its id the answer that it deserves', async () => {
      const held = await quizzes.start(there);
      await lockOwner();
      const other = create(here, held.id, quizOf(97));
      await createsWaiting(1);
      expect(await answerOf(there.post(`/api/tasks/${held.id}/cancel`, {}))).toMatchObject({ status: 200 });
      await unlock();
      expect(await answerOf(other)).toMatchObject({ status: 409, code: 'task_exists' });
    });
  });

  describe('a transaction that stands still', () => {
    /** Somebody else's quiz, which has nothing to do with any of this, on the first instance. */
    async function bystander(): Promise<HeldQuiz> {
      const held = await quizzes.start(await cluster.client(cluster.instance(0).url, randomUUID()));
      held.call.answer.catch(() => undefined);
      return held;
    }

    async function lockRow(id: string): Promise<void> {
      standstill = await Standstill.begin(cluster.databaseUrl, 'select 1 from tasks where id = $1 for update', [id]);
    }

    async function expectUntouched(held: HeldQuiz): Promise<void> {
      await delay(3 * LEASE_MS);
      expect(held.upstream.outcome).toBeUndefined();
      expect(await stateOf(held)).toBe('running');
    }

    it('on one task leaves the other tasks of its instance their leases', async () => {
      const held = await bystander();
      const stuck = await quizzes.start(here);
      await lockRow(stuck.id);
      await expectUntouched(held);
    });

    it('and cancels that wait for it leave the heartbeat its connection', async () => {
      const held = await bystander();
      const stuck = await quizzes.start(there);
      await lockRow(stuck.id);
      for (let i = 0; i < 3; i += 1) here.post(`/api/tasks/${stuck.id}/cancel`, { wait_ms: 0 }).answer.catch(() => undefined);
      await expectUntouched(held);
    });

    it('on one owner, and cancels of their scopes that wait for it, leave the heartbeat its connection', async () => {
      const held = await bystander();
      await lockOwner();
      for (let i = 0; i < 3; i += 1) here.post('/api/projects/7/cancel-tasks', { wait_ms: 0 }).answer.catch(() => undefined);
      await expectUntouched(held);
    });

    /** The owner has written that its task has completed, and is frozen before it can commit. */
    async function frozenBeforeCommit(held: HeldQuiz): Promise<void> {
      const door = 1;
      await cluster.database.rows(
        `create or replace function wait_at_door() returns trigger language plpgsql as
         $$ begin perform pg_advisory_xact_lock(${door}); return new; end $$`,
      );
      await cluster.database.rows(
        `create or replace trigger wait_at_door after update on tasks
         for each row when (new.state = 'completed' and new.id = '${held.id}') execute function wait_at_door()`,
      );
      const doorkeeper = await Standstill.begin(cluster.databaseUrl, 'select pg_advisory_xact_lock($1)', [door]);
      held.gate.open();
      await cluster.database.waiting();
      cluster.instance(0).process.freeze();
      await doorkeeper.end();
    }

    it('because its owner was frozen before the commit does not keep a canceller from an answer', async () => {
      const held = await quizzes.start(here);
      await frozenBeforeCommit(held);
      try {
        const answer = await answerOf(there.post(`/api/tasks/${held.id}/cancel`, { wait_ms: 10_000 }));
        expect(answer).toMatchObject({ status: 200 });
      } finally {
        cluster.instance(0).process.thaw();
        await held.call.answer;
      }
    });
  });
});
