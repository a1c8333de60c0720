import { setTimeout as delay } from 'node:timers/promises';
import { SocketClient, type Call, type CallOptions } from '../../src/testing/index.js';
import type { BuiltApp } from '../support/built-app.js';
import { Cluster, tokenFor, type Instance } from '../support/cluster.js';
import { addLessons } from '../support/lessons.js';
import { OwnRedis } from '../support/redis.js';
import { Audit } from './audit.js';
import { PacedModel } from './paced-model.js';

export const HEARTBEAT_MS = 300;
export const LEASE_MS = 1500;
/** Longer than a lease and the heartbeat at which others notice. */
const FROZEN_MS = LEASE_MS + 3 * HEARTBEAT_MS;
/** What an instance that stood still does to others goes on for so long. */
const AFTERMATH_MS = 2 * LEASE_MS;
const LESSONS = 1024;
/** A run without disturbance asks for nothing that takes this long. */
const ENV = { LEASE_HEARTBEAT_MS: String(HEARTBEAT_MS), LEASE_MS: String(LEASE_MS), LOG_LEVEL: 'warn', BLIND_CANCEL_MS: '5000' };

/** A time in which an instance was not what it should be. Milliseconds since 1970. */
interface Disturbance {
  readonly what: 'freeze' | 'kill';
  readonly from: number;
  until: number;
}

/** What runs take place in: instances, the model that they talk to, a log of all that happens, and rare disasters. */
export class Surroundings {
  readonly #disturbances: Disturbance[] = [];
  readonly #lessons = Array.from({ length: LESSONS }, (_, lesson) => lesson);
  readonly #connected: SocketClient[] = [];
  #clients: SocketClient[] = [];
  #isDisturbed = false;
  /** Until another process stands in its place. */
  #killed?: Instance;

  private constructor(
    readonly cluster: Cluster,
    readonly model: PacedModel,
    readonly audit: Audit,
    private readonly redis: OwnRedis,
  ) {
    this.#connect();
  }

  static async open(built: BuiltApp, instances: number): Promise<Surroundings> {
    const [model, redis] = await Promise.all([PacedModel.start(), OwnRedis.prepare()]);
    await redis.start();
    const cluster = await Cluster.start(built, { instances, redisUrl: redis.url, modelUrl: model.baseUrl, env: ENV });
    await addLessons(cluster.database, LESSONS);
    return new Surroundings(cluster, model, await Audit.install(cluster.databaseUrl), redis);
  }

  /** A request to an instance; where that one is being replaced, to the next. */
  send(via: number, token: string, { headers, ...options }: CallOptions): Call {
    const client = this.#clients[via % this.#clients.length];
    if (!client) throw new Error('There is no instance.');
    return client.call({ ...options, headers: { ...headers, authorization: `Bearer ${token}` } });
  }

  async tokenFor(user: string): Promise<string> {
    return await tokenFor(user);
  }

  /** A lesson that nobody else uses, until it is given back. */
  takeLesson(): number {
    const lesson = this.#lessons.shift();
    if (lesson === undefined) throw new Error(`All ${LESSONS} lessons are in use.`);
    return lesson;
  }

  giveBack(lesson: number): void {
    this.model.forget(lesson);
    this.#lessons.push(lesson);
  }

  /** One at a time: what comes while another is under way is left out. */
  async disturb(what: 'freeze' | 'kill', via: number): Promise<void> {
    if (this.#isDisturbed) return;
    this.#isDisturbed = true;
    const disturbance: Disturbance = { what, from: Date.now(), until: Infinity };
    this.#disturbances.push(disturbance);
    try {
      await (what === 'freeze' ? this.#freeze(via) : this.#kill(via));
    } finally {
      disturbance.until = Date.now() + AFTERMATH_MS;
      this.#isDisturbed = false;
    }
  }

  /** Whether anything has disturbed a run that began then and has just ended. */
  disturbedSince(from: number, what?: Disturbance['what']): boolean {
    return this.#disturbances.some((each) => each.until >= from && (what === undefined || each.what === what));
  }

  countOf(what: Disturbance['what']): number {
    return this.#disturbances.filter((each) => each.what === what).length;
  }

  /** What the instances complain of: nothing at all, unless they were disturbed. */
  complaints(): string[] {
    return this.cluster.instances.flatMap(({ process }) => [
      ...process.lines.map(({ level, msg }) => `${level}: ${msg}`),
      ...(process.stderr === '' ? [] : [process.stderr]),
    ]);
  }

  /** How an instance ended by itself; `undefined` while all run. */
  async lastWords(): Promise<string | undefined> {
    const ended = this.cluster.instances.find((instance) => instance !== this.#killed && !instance.process.isRunning);
    return ended && `${ended.name} with ${await ended.process.ended()}: ${ended.process.stderr}`;
  }

  async close(): Promise<void> {
    for (const client of this.#connected) client.close();
    await this.audit.close();
    await this.cluster.stop();
    await this.model.stop();
    await this.redis.remove();
  }

  async #freeze(via: number): Promise<void> {
    const { process } = this.cluster.instance(via);
    process.freeze();
    await delay(FROZEN_MS);
    process.thaw();
  }

  async #kill(via: number): Promise<void> {
    const instance = (this.#killed = this.cluster.instance(via));
    await instance.kill();
    this.#connect();
    await instance.restart();
    this.#killed = undefined;
    this.#connect();
  }

  /** To those that run. */
  #connect(): void {
    const running = this.cluster.instances.filter(({ process }) => process.isRunning);
    this.#clients = running.map(({ url }) => new SocketClient(url));
    this.#connected.push(...this.#clients);
  }
}
