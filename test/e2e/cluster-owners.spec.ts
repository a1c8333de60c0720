import { performance } from 'node:perf_hooks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { eventually, type Answer, type SocketClient } from '../../src/testing/index.js';
import { runsPostgres } from '../support/backends.js';
import { BuiltApp } from '../support/built-app.js';
import { Cluster, type Instance } from '../support/cluster.js';
import { HeldQuizzes, type HeldQuiz } from '../support/held-quizzes.js';
import { addLessons, quizOf } from '../support/lessons.js';
import { OwnRedis, startsRedis } from '../support/redis.js';

const describeIfThere = runsPostgres && startsRedis ? describe : describe.skip;

const HEARTBEAT_MS = 200;
const LEASE_MS = 1000;
/** What comes on top of a lease on a machine that does other things too: the next heartbeat, a statement, a process that waits its turn. */
const SLACK_MS = 3000;

interface TaskRow {
  readonly state: string;
  readonly error: { readonly code: string } | null;
  readonly receipt: { readonly stopped_at: string | null; readonly confirmed: boolean } | null;
  readonly [column: string]: unknown;
}

describeIfThere('an instance that is gone, or looks like it', () => {
  let built: BuiltApp;
  let redis: OwnRedis;
  let cluster: Cluster;
  let quizzes: HeldQuizzes;

  beforeAll(async () => {
    [built, redis] = await Promise.all([BuiltApp.build(), OwnRedis.prepare()]);
    await redis.start();
    const env = { LEASE_HEARTBEAT_MS: String(HEARTBEAT_MS), LEASE_MS: String(LEASE_MS) };
    cluster = await Cluster.start(built, { instances: 3, redisUrl: redis.url, env });
    await addLessons(cluster.database, 100);
    quizzes = new HeldQuizzes(cluster.model);
  }, 120_000);
  afterEach(async () => {
    for (const { process } of cluster.instances) process.thaw();
    await cluster.quiet();
  });
  afterAll(async () => {
    await cluster.stop();
    await redis.remove();
    await built.remove();
  });

  const owner = (): Instance => cluster.instance(0);

  async function clientOf(i: number): Promise<SocketClient> {
    return await cluster.client(cluster.instance(i).url);
  }

  async function rowOf({ id }: HeldQuiz): Promise<TaskRow> {
    const [row] = await cluster.database.rows('select * from tasks where id = $1', [id]);
    return row as unknown as TaskRow;
  }

  /** Milliseconds since `from` until the task was in that state. */
  async function until(state: string, held: HeldQuiz, from: number): Promise<number> {
    await eventually(async () => expect(await rowOf(held)).toMatchObject({ state }), { timeoutMs: 15_000 });
    return performance.now() - from;
  }

  async function cancel(client: SocketClient, { id }: HeldQuiz, body: object = {}): Promise<Answer | undefined> {
    return await client.post(`/api/tasks/${id}/cancel`, { wait_ms: 10_000, ...body }).answer;
  }

  /** Ends the owner, and puts another in its place when `fn` is done. */
  async function withoutOwner(fn: () => Promise<void>): Promise<void> {
    await owner().kill();
    try {
      await fn();
    } finally {
      await owner().restart();
    }
  }

  const LOST = { state: 'failed', error: { code: 'owner_lost' }, cancel: { cause: 'lease_lost' } };
  const UNCONFIRMED = { stopped_at: null, confirmed: false };

  describe('killed in the middle of a task', () => {
    it('fails the task within its lease, and whoever asks again is told so', async () => {
      const held = await quizzes.start(await clientOf(0));
      const broken = expect(held.call.answer).rejects.toThrow();
      await withoutOwner(async () => {
        const ms = await until('failed', held, performance.now());
        expect(ms).toBeLessThan(LEASE_MS + HEARTBEAT_MS + SLACK_MS);
        expect(await rowOf(held)).toMatchObject({ ...LOST, receipt: UNCONFIRMED, result: null });
        await broken;
        const again = (await clientOf(1)).post('/api/quizzes/generate', held.body, { 'x-task-id': held.id });
        expect((await again.answer)?.json()).toMatchObject({ status: 503, code: 'owner_lost' });
        expect((await cancel(await clientOf(2), held))?.json()).toMatchObject({ status: 'already_failed', receipt: UNCONFIRMED });
      });
      expect(quizzes.calls(held)).toEqual(['embeddings', 'quiz']);
      expect(await outcomesOf(held)).toEqual(['completed', 'open']);
    });

    it('a canceller waits no longer than the lease, and is told that nobody could confirm the stop', async () => {
      const held = await quizzes.start(await clientOf(0));
      held.call.answer.catch(() => undefined);
      const canceller = await clientOf(1);
      await withoutOwner(async () => {
        const from = performance.now();
        const answer = await cancel(canceller, held);
        expect(performance.now() - from).toBeLessThan(LEASE_MS + HEARTBEAT_MS + SLACK_MS);
        expect(answer?.status).toBe(200);
        expect(answer?.json()).toMatchObject({ status: 'cancelled', receipt: UNCONFIRMED });
        expect(await rowOf(held)).toMatchObject({ state: 'cancelled', error: null, cancel: { cause: 'user', by: 'learner' } });
      });
    });

    it('a canceller who does not wait is told cancelling, and the same later: it was not lost', async () => {
      const held = await quizzes.start(await clientOf(0));
      held.call.answer.catch(() => undefined);
      const canceller = await clientOf(1);
      await withoutOwner(async () => {
        const first = await cancel(canceller, held, { wait_ms: 0 });
        expect(first?.status).toBe(202);
        expect(first?.json()).toMatchObject({ status: 'cancelling', receipt: null });
        await until('cancelled', held, performance.now());
        expect((await cancel(await clientOf(2), held))?.json()).toMatchObject({ status: 'cancelled', receipt: UNCONFIRMED });
      });
    });
  });

  /** Stands still until others have given its task up; then everything that happened meanwhile is there for it at once. */
  async function freezeUntil(state: string, held: HeldQuiz, meanwhile: () => Promise<unknown> | undefined = () => undefined) {
    owner().process.freeze();
    await meanwhile();
    const ms = await until(state, held, performance.now());
    const reaped = await rowOf(held);
    owner().process.thaw();
    return { ms, reaped };
  }

  describe('frozen past its lease', () => {
    it('loses the task to the others; awake again it closes its call, begins no other, and tells its client the truth', async () => {
      const held = await quizzes.start(await clientOf(0));
      const { ms, reaped } = await freezeUntil('failed', held);
      expect(ms).toBeLessThan(LEASE_MS + HEARTBEAT_MS + SLACK_MS);
      expect(reaped).toMatchObject({ ...LOST, receipt: UNCONFIRMED });
      expect((await held.call.answer)?.json()).toMatchObject({ status: 503, code: 'owner_lost' });
      expect(await cluster.model.ended(held.upstream)).toMatchObject({ outcome: 'client_closed' });
      await expectNothingMore(held, ['embeddings', 'quiz'], reaped);
    });

    it('begins no other call when the answer it was waiting for has come meanwhile', async () => {
      const held = await quizzes.start(await clientOf(0));
      const { reaped } = await freezeUntil('failed', held, async () => {
        held.gate.open();
        await cluster.model.ended(held.upstream);
      });
      expect((await held.call.answer)?.json()).toMatchObject({ status: 503, code: 'owner_lost' });
      await expectNothingMore(held, ['embeddings', 'quiz'], reaped);
    });

    it('stores nothing when the last answer has come meanwhile', async () => {
      const held = await quizzes.start(await clientOf(0), { purpose: 'quiz_evaluation' });
      const { reaped } = await freezeUntil('failed', held, async () => {
        held.gate.open();
        await cluster.model.ended(held.upstream);
      });
      expect((await held.call.answer)?.json()).toMatchObject({ status: 503, code: 'owner_lost' });
      await expectNothingMore(held, ['embeddings', 'quiz', 'quiz_evaluation'], reaped);
      expect(await cluster.database.rows('select * from quizzes where task_id = $1', [held.id])).toEqual([]);
    });

    it('stores nothing when it stood still while it was storing', async () => {
      const held = await quizzes.start(await clientOf(0), { purpose: 'quiz_evaluation' });
      await cluster.database.lock('quizzes');
      held.gate.open();
      await cluster.database.waiting();
      const { reaped } = await freezeUntil('failed', held, () => cluster.database.unlock());
      expect((await held.call.answer)?.json()).toMatchObject({ status: 503, code: 'owner_lost' });
      await expectNothingMore(held, ['embeddings', 'quiz', 'quiz_evaluation'], reaped);
      expect(await cluster.database.rows('select * from quizzes where task_id = $1', [held.id])).toEqual([]);
    });

    it('and cancelled meanwhile: the cancel is answered within the lease, and stands', async () => {
      const held = await quizzes.start(await clientOf(0));
      const canceller = await clientOf(1);
      let answer: Answer | undefined;
      const { reaped } = await freezeUntil('cancelled', held, async () => {
        answer = await cancel(canceller, held);
      });
      expect(answer?.json()).toMatchObject({ status: 'cancelled', receipt: UNCONFIRMED });
      const told = (await held.call.answer)?.json<{ code: string; status: number }>();
      expect(['task_cancelled', 'owner_lost']).toContain(told?.code);
      await expectNothingMore(held, ['embeddings', 'quiz'], reaped);
    });
  });

  it('frozen for less than its lease it loses nothing', async () => {
    const held = await quizzes.start(await clientOf(0));
    owner().process.freeze();
    held.gate.open();
    await cluster.model.ended(held.upstream);
    owner().process.thaw();
    expect((await held.call.answer)?.status).toBe(200);
    expect(await rowOf(held)).toMatchObject({ state: 'completed' });
  });

  it('goes on taking work afterwards', async () => {
    for (const i of [0, 1, 2]) {
      const answer = await (await clientOf(i)).post('/api/quizzes/generate', quizOf(99)).answer;
      expect(answer?.status).toBe(200);
    }
  });

  async function outcomesOf({ id }: HeldQuiz): Promise<unknown[]> {
    const rows = await cluster.database.rows('select outcome from llm_calls where task_id = $1 order by started_at', [id]);
    return rows.map(({ outcome }) => outcome);
  }

  /** The books are closed, and then: the model was asked no more than this, and the row is as the others left it. */
  async function expectNothingMore(held: HeldQuiz, calls: readonly string[], reaped: TaskRow): Promise<void> {
    await eventually(async () => expect(await outcomesOf(held)).not.toContain('open'));
    expect(await outcomesOf(held)).toHaveLength(calls.length);
    expect(quizzes.calls(held)).toEqual(calls);
    expect(await rowOf(held)).toEqual(reaped);
  }
});
