import { performance } from 'node:perf_hooks';
import { SignJWT } from 'jose';
import { eventually, SocketClient, ScriptedModelServer } from '../../src/testing/index.js';
import { createScratchDatabase, type ScratchDatabase } from './backends.js';
import { Balancer } from './balancer.js';
import type { BuiltApp, RunningApp } from './built-app.js';
import { DatabaseWatch } from './locks.js';

const SECRET = 'a secret that all instances share, and long enough';
/** Several processes start at once here, on machines that may have little room for them. */
const START_DEADLINE_MS = 60_000;

export interface ClusterOptions {
  readonly instances?: number;
  /** Which Redis carries cancels; without one, PostgreSQL does. */
  readonly redisUrl?: string;
  /** For all of them. */
  readonly env?: Readonly<Record<string, string>>;
  /** The model that they talk to, if not one of the cluster's own. */
  readonly modelUrl?: string;
}

/** One process of the program. */
export class Instance {
  url = '';
  #process: RunningApp;

  constructor(
    readonly name: string,
    private readonly run: () => RunningApp,
  ) {
    this.#process = run();
  }

  get process(): RunningApp {
    return this.#process;
  }

  /** Resolves when it takes requests. */
  async ready(): Promise<void> {
    await eventually(() => this.#process.stdout.includes('Hangup is up at'), {
      timeoutMs: START_DEADLINE_MS,
      message: `${this.name} did not start`,
    });
    const [, url] = await this.#process.says(/Hangup is up at (\S+) /);
    this.url = url ?? '';
  }

  /** Another process in the place of one that has ended, on another port. */
  async restart(): Promise<void> {
    this.#process = this.run();
    await this.ready();
  }

  /** As a machine that loses its power. */
  async kill(): Promise<void> {
    await this.#process.stop('SIGKILL');
  }
}

/** Several processes of the built program on one database, one bus and one scripted model. */
export class Cluster {
  readonly #balancers: Balancer[] = [];
  readonly #clients: SocketClient[] = [];

  private constructor(
    readonly instances: readonly Instance[],
    readonly model: ScriptedModelServer,
    readonly database: DatabaseWatch,
    readonly databaseUrl: string,
    private readonly scratch: ScratchDatabase,
  ) {}

  static async start(built: BuiltApp, { instances = 2, redisUrl, env = {}, modelUrl }: ClusterOptions = {}): Promise<Cluster> {
    const scratch = await createScratchDatabase();
    const model = await ScriptedModelServer.start();
    const common = {
      PORT: '0',
      JWT_SECRET: SECRET,
      OPENAI_API_KEY: 'sk-test-0123456789abcdef',
      OPENAI_BASE_URL: modelUrl ?? model.baseUrl,
      DATABASE_URL: scratch.url,
      LLM_MAX_CONCURRENCY: '1000',
      LOG_LEVEL: 'info',
      ...(redisUrl !== undefined && { REDIS_URL: redisUrl }),
      ...env,
    };
    const names = Array.from({ length: instances }, (_, i) => `instance-${i + 1}`);
    const started = names.map((name) => new Instance(name, () => built.start({ ...common, INSTANCE_ID: name })));
    await Promise.all(started.map((instance) => instance.ready()));
    model.reset();
    return new Cluster(started, model, await DatabaseWatch.open(scratch.url), scratch.url, scratch);
  }

  instance(i: number): Instance {
    const instance = this.instances[i % this.instances.length];
    if (!instance) throw new Error('A cluster has at least one instance.');
    return instance;
  }

  /** A round-robin balancer of its own over all instances: what connects to it goes to the first one, then to the second. */
  async balancer(): Promise<Balancer> {
    const balancer = await Balancer.start(this.instances);
    this.#balancers.push(balancer);
    return balancer;
  }

  /** A client with a token of its own for this user, whose every request is a new connection. */
  async client(url: string, user = 'learner', scope?: string): Promise<SocketClient> {
    const client = new SocketClient(url, { authorization: `Bearer ${await tokenFor(user, scope)}`, connection: 'close' });
    this.#clients.push(client);
    return client;
  }

  /** Resolves when nothing is running or cancelling any more; rejects with what is. */
  async quiet(timeoutMs = 10_000): Promise<void> {
    const live = "select id, state, stage, instance_id from tasks where state in ('queued', 'running', 'cancelling')";
    const look = async (): Promise<boolean> => {
      const rows = await this.database.rows(live);
      if (rows.length > 0) throw new Error(JSON.stringify(rows));
      return true;
    };
    await eventually(look, { timeoutMs, message: 'Tasks are still live' });
  }

  /** Ends everything, instances that stand still included. */
  async stop(): Promise<void> {
    for (const client of this.#clients) client.close();
    await Promise.all(this.#balancers.map((balancer) => balancer.stop()));
    await Promise.all(this.instances.map((instance) => instance.kill()));
    await this.model.stop();
    await this.database.close();
    await this.scratch.drop();
  }
}

export async function tokenFor(user: string, scope?: string): Promise<string> {
  return await new SignJWT(scope === undefined ? {} : { scope })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setExpirationTime('2h')
    .sign(new TextEncoder().encode(SECRET));
}

/** Does `work` for 0 to `count - 1`, so many of them at once, in order of their start. */
export async function inLanes<T>(count: number, lanes: number, work: (i: number, lane: number) => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  let next = 0;
  const lane = async (number: number): Promise<void> => {
    for (let i = next++; i < count; i = next++) results[i] = await work(i, number);
  };
  await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
  return results;
}

/** Milliseconds that `work` took, and its outcome. */
export async function timed<T>(work: () => Promise<T>): Promise<{ ms: number; value: T }> {
  const from = performance.now();
  const value = await work();
  return { ms: performance.now() - from, value };
}
