import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { percentile } from '../../src/bench/harness/statistics.js';
import type { SocketClient } from '../../src/testing/index.js';
import { runsPostgres } from '../support/backends.js';
import { BuiltApp } from '../support/built-app.js';
import { Cluster, inLanes, timed } from '../support/cluster.js';
import { HeldQuizzes, type HeldQuiz } from '../support/held-quizzes.js';
import { addLessons } from '../support/lessons.js';
import { freePort, OwnRedis, startsRedis } from '../support/redis.js';

const describeIfThere = runsPostgres && startsRedis ? describe : describe.skip;

/** What a cancel answers. */
interface CancelAnswer {
  readonly task_id: string;
  readonly status: string;
  readonly receipt: { readonly stopped_at: string | null; readonly confirmed: boolean; readonly layers: readonly object[] } | null;
}

const CANCELS = 200;
/** So many learners at once, each behind a balancer of its own: what one of them asks goes to one instance after the other. */
const LANES = 8;
const POLLED_CANCELS = 30;
const HEARTBEAT_MS = 1000;

describeIfThere('three instances behind a balancer', () => {
  let built: BuiltApp;
  let redis: OwnRedis;
  let cluster: Cluster;
  let quizzes: HeldQuizzes;

  beforeAll(async () => {
    [built, redis] = await Promise.all([BuiltApp.build(), OwnRedis.prepare()]);
    await redis.start();
    cluster = await startCluster(redis.url);
    quizzes = new HeldQuizzes(cluster.model);
  }, 120_000);
  afterAll(async () => {
    await cluster.stop();
    await redis.remove();
    await built.remove();
  });

  async function startCluster(redisUrl: string): Promise<Cluster> {
    const started = await Cluster.start(built, { instances: 3, redisUrl, env: { LEASE_HEARTBEAT_MS: String(HEARTBEAT_MS) } });
    await addLessons(started.database, 1000);
    return started;
  }

  /** Milliseconds from the moment when the cancel was sent to the moment when the model saw its socket close. */
  async function cancelHeld(client: SocketClient, held: HeldQuiz): Promise<number> {
    const sentAt = performance.now();
    const answer = await client.post(`/api/tasks/${held.id}/cancel`, { reason: 'changed my mind' }).answer;
    expect(answer?.status).toBe(200);
    expect(answer?.json()).toMatchObject({
      task_id: held.id,
      status: 'cancelled',
      reason: 'changed my mind',
      receipt: { stage: 'generate_quiz', confirmed: true, zombies: [], calls_avoided: 1, stopped_at: expect.any(String) },
    });
    const { endedAt, outcome } = held.upstream;
    expect(outcome).toBe('client_closed');
    return (endedAt ?? Infinity) - sentAt;
  }

  /** Starts and cancels so many quizzes, each on one instance and through the next one. `spread` puts moments between them. */
  async function measure(on: Cluster, held: HeldQuizzes, count: number, spread: (i: number) => Promise<unknown> = () => Promise.resolve()) {
    const balancers = await Promise.all(Array.from({ length: LANES }, () => on.balancer()));
    const clients = await Promise.all(balancers.map(({ url }, lane) => on.client(url, `learner-${lane}`)));
    const run = await timed(() =>
      inLanes(count, LANES, async (i, lane) => {
        const client = clients[lane]!;
        const quiz = await held.start(client);
        await spread(i);
        const ms = await cancelHeld(client, quiz);
        expect((await quiz.call.answer)?.json()).toMatchObject({ status: 409, code: 'task_cancelled' });
        const [owner, canceller] = balancers[lane]!.served.slice(-2);
        expect(canceller).not.toBe(owner);
        return ms;
      }),
    );
    return { ...run, samples: run.value };
  }

  it('the first click lands, 200 times of 200, and sooner than by polling once a second', async () => {
    const pushed = await measure(cluster, quizzes, CANCELS);
    await cluster.quiet();
    const silent = await startCluster(`redis://127.0.0.1:${await freePort()}`);
    try {
      // A cancel falls on every moment between two heartbeats alike (golden section): without this each would follow close upon one.
      const moment = (i: number): Promise<void> => delay(((i * 0.618) % 1) * HEARTBEAT_MS);
      const polled = await measure(silent, new HeldQuizzes(silent.model), POLLED_CANCELS, moment);
      print(`${CANCELS} cancels through another instance, sent → model socket closed: ${describeSamples(pushed.samples)}`);
      print(`${POLLED_CANCELS} cancels without a bus, polling once a second:              ${describeSamples(polled.samples)}`);
      print(`${CANCELS} in ${(pushed.ms / 1000).toFixed(1)} s, ${LANES} at once`);
      expect(percentile(pushed.samples, 0.5)).toBeLessThan(percentile(polled.samples, 0.5) / 2);
    } finally {
      await silent.stop();
    }
    expect(pushed.ms).toBeLessThan(60_000);
  }, 240_000);

  it.each([
    { started: 1, cancelled: 1 },
    { started: 1, cancelled: 2 },
    { started: 2, cancelled: 3 },
  ])('started on instance $started, cancelled through instance $cancelled: it stops at the first click', async ({ started, cancelled }) => {
    const starter = await cluster.client(cluster.instance(started - 1).url);
    const canceller = await cluster.client(cluster.instance(cancelled - 1).url);
    const held = await quizzes.start(starter);
    await cancelHeld(canceller, held);
    expect((await held.call.answer)?.status).toBe(409);
    expect(quizzes.calls(held)).toEqual(['embeddings', 'quiz']);
  });

  it('ten rapid clicks over all instances are one cancellation and ten equal answers', async () => {
    const { url } = await cluster.balancer();
    const client = await cluster.client(url);
    const held = await quizzes.start(client);
    const clicks = Array.from({ length: 10 }, (_, i) => client.post(`/api/tasks/${held.id}/cancel`, { reason: `click ${i}` }));
    const answers = await Promise.all(clicks.map(async ({ answer }) => (await answer)?.json<CancelAnswer>()));
    expect(answers[0]).toMatchObject({ status: 'cancelled', receipt: { confirmed: true } });
    expect(answers).toEqual(answers.map(() => answers[0]));
    const told = `[Tasks] Task ${held.id} cancelled at generate_quiz (cause=user)`;
    const lines = cluster.instances.flatMap(({ process }) => process.lines).filter(({ msg }) => msg === told);
    expect(lines).toHaveLength(1);
  });

  it('a click that comes after the answer is told so by every instance', async () => {
    const held = await quizzes.start(await cluster.client(cluster.instance(0).url));
    held.gate.open();
    expect((await held.call.answer)?.status).toBe(200);
    for (const { url } of cluster.instances) {
      const answer = await (await cluster.client(url)).post(`/api/tasks/${held.id}/cancel`, {}).answer;
      expect(answer?.status).toBe(200);
      expect(answer?.json()).toMatchObject({ status: 'already_completed', receipt: null });
    }
  });

  it('a learner who hangs up on the balancer is one who hangs up', async () => {
    const { url } = await cluster.balancer();
    const held = await quizzes.start(await cluster.client(url));
    await held.call.hangUp();
    expect(await cluster.model.ended(held.upstream)).toMatchObject({ outcome: 'client_closed' });
    await cluster.quiet();
    const [row] = await cluster.database.rows('select state, cancel from tasks where id = $1', [held.id]);
    expect(row).toMatchObject({ state: 'cancelled', cancel: { cause: 'client_disconnect' } });
  });

  it('nothing is left: no live task, no open row in the ledger, no warning in any log', async () => {
    await cluster.quiet();
    expect(await cluster.database.rows("select * from llm_calls where outcome = 'open'")).toEqual([]);
    const lines = cluster.instances.flatMap(({ process }) => process.lines);
    expect(lines.filter(({ level }) => level !== 'info')).toEqual([]);
  });
});

function describeSamples(samples: readonly number[]): string {
  return [0.5, 0.99, 1].map((share) => `p${share * 100} ${percentile(samples, share).toFixed(1)} ms`).join(', ');
}

function print(line: string): void {
  process.stdout.write(`[cluster] ${line}\n`);
}
