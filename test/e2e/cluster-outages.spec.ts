import { performance } from 'node:perf_hooks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { percentile } from '../../src/bench/harness/statistics.js';
import { eventually } from '../../src/testing/index.js';
import { runsPostgres } from '../support/backends.js';
import { BuiltApp } from '../support/built-app.js';
import { Cluster } from '../support/cluster.js';
import { HeldQuizzes } from '../support/held-quizzes.js';
import { addLessons, quizOf } from '../support/lessons.js';
import { OwnRedis, startsRedis } from '../support/redis.js';

const describeIfThere = runsPostgres && startsRedis ? describe : describe.skip;

/** Long, so that a cancel that came at once did not come with a heartbeat. */
const HEARTBEAT_MS = 2000;
const ENV = { LEASE_HEARTBEAT_MS: String(HEARTBEAT_MS), LEASE_MS: String(10 * HEARTBEAT_MS) };
/** So that within a test no heartbeat comes but those for which there is a reason. */
const HARDLY_A_HEARTBEAT = { LEASE_HEARTBEAT_MS: '60000', LEASE_MS: '600000' };
/** What comes on top of a heartbeat on a machine that does other things too. */
const SLACK_MS = 2000;
const SAMPLES = 7;

/** Two instances, of which one makes the quizzes and the other one cancels them. */
class Pair {
  readonly quizzes: HeldQuizzes;

  private constructor(readonly cluster: Cluster) {
    this.quizzes = new HeldQuizzes(cluster.model);
  }

  static async start(built: BuiltApp, redisUrl?: string, env: Record<string, string> = ENV): Promise<Pair> {
    const cluster = await Cluster.start(built, { instances: 2, redisUrl, env });
    await addLessons(cluster.database, 100);
    return new Pair(cluster);
  }

  /** Milliseconds from the moment when a cancel was sent to the moment when the model saw its socket close. */
  async cancelOne(): Promise<number> {
    const held = await this.quizzes.start(await this.cluster.client(this.cluster.instance(0).url));
    const canceller = await this.cluster.client(this.cluster.instance(1).url);
    const sentAt = performance.now();
    const answer = await canceller.post(`/api/tasks/${held.id}/cancel`, { wait_ms: 10_000 }).answer;
    expect(answer?.json()).toMatchObject({ status: 'cancelled', receipt: { confirmed: true } });
    expect((await held.call.answer)?.status).toBe(409);
    return (await this.cluster.model.ended(held.upstream)).endedAt! - sentAt;
  }

  /** Most of several: one may wait its turn on a busy machine. */
  async typicalMs(): Promise<number> {
    const samples: number[] = [];
    for (let i = 0; i < SAMPLES; i += 1) samples.push(await this.cancelOne());
    return percentile(samples, 0.5);
  }

  async expectServed(): Promise<void> {
    for (const { url } of this.cluster.instances) {
      const client = await this.cluster.client(url);
      expect((await client.post('/api/quizzes/generate', quizOf(99)).answer)?.status).toBe(200);
    }
  }

  /** How often each instance has said so. */
  said(level: string, begin: string): number[] {
    return this.cluster.instances.map(
      ({ process }) => process.lines.filter((line) => line.level === level && line.msg.startsWith(begin)).length,
    );
  }

  async bothSaid(begin: string, times: number): Promise<void> {
    await eventually(() => expect(this.said('info', begin)).toEqual([times, times]), { timeoutMs: 10_000 });
  }

  /** What either has logged that no operator wants to see, but for what begins so. */
  complaints(...but: readonly string[]): unknown[] {
    const lines = this.cluster.instances.flatMap(({ process }) => process.lines);
    return lines.filter(({ level, msg }) => level !== 'info' && !but.some((known) => msg.startsWith(known)));
  }

  async stop(): Promise<void> {
    const errors = this.cluster.instances.map(({ process }) => process.stderr);
    await this.cluster.stop();
    expect(errors).toEqual(['', '']);
  }
}

describeIfThere('two instances and a bus that breaks', () => {
  let built: BuiltApp;
  let redis: OwnRedis;
  let pair: Pair;

  beforeAll(async () => {
    built = await BuiltApp.build();
  }, 60_000);
  afterAll(() => built.remove());
  afterEach(() => pair.stop());

  it('Redis is down at the start, comes, goes and comes back', async () => {
    const down = '[Bus] redis is not reachable';
    redis = await OwnRedis.prepare();
    try {
      pair = await Pair.start(built, redis.url);
      await expectSlowButSure(down, 1);

      await redis.start();
      await pair.bothSaid('[Bus] redis is back', 1);
      expect(await pair.typicalMs()).toBeLessThan(HEARTBEAT_MS / 2);

      await redis.kill();
      await eventually(() => expect(pair.said('warn', down)).toEqual([2, 2]));
      await expectSlowButSure(down, 2);

      await redis.start();
      await pair.bothSaid('[Bus] redis is back', 2);
      expect(await pair.typicalMs()).toBeLessThan(HEARTBEAT_MS / 2);
      expect(pair.said('warn', down)).toEqual([2, 2]);
      const eventsDown = '[Events] redis is not reachable';
      expect(pair.said('warn', eventsDown)).toEqual([2, 2]);
      expect(pair.complaints(down, eventsDown, '[Events] Events could not be written and are lost')).toEqual([]);
    } finally {
      await redis.remove();
    }
  }, 120_000);

  it('a cancel that was sent while Redis was away is there as soon as Redis is', async () => {
    redis = await OwnRedis.prepare();
    try {
      await redis.start();
      pair = await Pair.start(built, redis.url, HARDLY_A_HEARTBEAT);
      const { cluster, quizzes } = pair;
      const held = await quizzes.start(await cluster.client(cluster.instance(0).url));
      await redis.kill();
      await eventually(() => expect(pair.said('warn', '[Bus] redis is not reachable')).toEqual([1, 1]));
      const canceller = await cluster.client(cluster.instance(1).url);
      const answer = await canceller.post(`/api/tasks/${held.id}/cancel`, { wait_ms: 0 }).answer;
      expect(answer?.json()).toMatchObject({ status: 'cancelling' });
      expect(held.upstream.outcome).toBeUndefined();
      await redis.start();
      expect(await cluster.model.ended(held.upstream)).toMatchObject({ outcome: 'client_closed' });
      expect((await held.call.answer)?.status).toBe(409);
    } finally {
      await redis.remove();
    }
  }, 120_000);

  it('without Redis PostgreSQL carries the cancels, also after its connections were cut', async () => {
    const down = '[Bus] postgres is not reachable';
    pair = await Pair.start(built);
    expect(await pair.typicalMs()).toBeLessThan(HEARTBEAT_MS / 2);

    const cut = `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'hangup-bus'`;
    expect(await pair.cluster.database.rows(cut)).toHaveLength(2);
    await pair.bothSaid('[Bus] postgres is back', 1);
    expect(pair.said('warn', down)).toEqual([1, 1]);
    expect(await pair.typicalMs()).toBeLessThan(HEARTBEAT_MS / 2);
    await pair.expectServed();
    expect(pair.complaints(down)).toEqual([]);
  }, 120_000);

  /** Requests are served, cancels arrive with a heartbeat, and each instance has said once for each outage what is wrong. */
  async function expectSlowButSure(warning: string, outages: number): Promise<void> {
    await pair.expectServed();
    for (let i = 0; i < 3; i += 1) expect(await pair.cancelOne()).toBeLessThan(HEARTBEAT_MS + SLACK_MS);
    expect(pair.said('warn', warning)).toEqual([outages, outages]);
  }
});
