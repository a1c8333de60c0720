import { createHash } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { fromKysely, PgBoss, type Db, type Job } from 'pg-boss';
import { wait } from '../abort/index.js';
import { Database, type Tx } from '../database/index.js';
import { TaskQueue, type QueuedTask, type TaskKey } from '../tasks/index.js';

/** What a delivery says: which task to begin. */
type Delivery = TaskKey;

export interface QueueOptions {
  readonly concurrency: number;
  readonly perUser: number;
}

/** While no notification comes through, deliveries are looked for so often. */
const POLL_SECONDS = 2;
/** Tasks have leases: whether their workers live is no question of pg-boss's. */
const LONGEST_JOB_SECONDS = 86_399;
/** A task may wait for longer than pg-boss keeps what nobody fetches: its delivery waits as long. */
const LONGEST_WAIT_SECONDS = 50 * 365 * 86_400;
/** What a handler of a task that has ended takes to come back. */
const LONGEST_CEASING_MS = 2000;
/** The advisory lock of whoever changes pg-boss's schema: the first four letters of `Jobs`. */
const SCHEMA_LOCK = 0x4a6f6273;
const LOCK_POLL_MS = 50;
/** A delivery is tried again only where the task could not even be begun: then nothing else would. */
const RETRIES = { retryLimit: 1_000_000, retryDelay: 1 };

/**
 * pg-boss over the pool that everything here uses, on PostgreSQL and on the embedded database alike. It brings a task to one free
 * worker, on whichever instance, in milliseconds by LISTEN and NOTIFY and within two seconds without. What becomes of the task is
 * written in the task: a delivery only says that it waits, and one that comes twice, or too late, finds nothing to begin.
 */
@Injectable()
export class PgBossQueue extends TaskQueue {
  readonly #logger = new Logger('Jobs');
  readonly #boss: PgBoss;
  readonly #source: Database['source'];
  readonly #kinds = new Map<string, QueueOptions>();
  #ceased?: Promise<unknown>;

  constructor(database: Database) {
    super();
    const { source } = database;
    this.#source = source;
    this.#boss = new PgBoss({
      db: toDb(source),
      backend: source.kind === 'embedded' ? 'pglite' : 'postgres',
      schedule: false,
      useListenNotify: true,
    });
    this.#boss.on('error', (error) => this.#logger.warn({ err: error, msg: '[Jobs] The queue met an error' }));
    this.#boss.on('warning', ({ message, data }) => this.#logger.warn({ msg: `[Jobs] ${message}`, data }));
  }

  get kinds(): readonly string[] {
    return [...this.#kinds.keys()];
  }

  /** Brings pg-boss's own schema up to date, and listens. */
  async start(): Promise<void> {
    await this.#alone(() => this.#boss.start());
  }

  /** Makes a kind known, so that its tasks can be delivered: to this instance, once it works on them, and to others. */
  async open(kind: string, options: QueueOptions): Promise<void> {
    const kept = { expireInSeconds: LONGEST_JOB_SECONDS, retentionSeconds: LONGEST_WAIT_SECONDS, deleteAfterSeconds: 3600 };
    const isThere = (await this.#boss.getQueue(kind)) !== null;
    if (!isThere) await this.#alone(() => this.#boss.createQueue(kind, { notify: true, ...kept, ...RETRIES }));
    // pg-boss remembers a queue when it is first asked for: inside of a transaction on a pool of one it could not look for it.
    await this.#boss.findJobs(kind, { id: deliveryId({ owner: '', id: '' }, 0) });
    this.#kinds.set(kind, options);
  }

  /** Gives tasks of a kind to `begin`, so many at once. What it throws brings the delivery again, later. */
  async work(kind: string, begin: (key: TaskKey) => Promise<void>): Promise<void> {
    const { concurrency, perUser } = this.#optionsOf(kind);
    for (let worker = 0; worker < concurrency; worker += 1) await this.#work(kind, perUser, begin);
  }

  /** From now on nothing is given out here. */
  ceaseToWork(): void {
    this.#ceased ??= Promise.allSettled(this.kinds.map((kind) => this.#boss.offWork(kind, { wait: true })));
  }

  /** Once what was being given out has come back, for a while: a delivery in mid-fetch would be nobody's. */
  async stop(): Promise<void> {
    this.ceaseToWork();
    const time = new AbortController();
    const late = wait(LONGEST_CEASING_MS, time.signal).catch(() => undefined);
    await Promise.race([this.#ceased, late]);
    time.abort(new Error('ceased'));
    await this.#boss.stop({ graceful: false });
  }

  async deliver(tx: Tx, tasks: readonly QueuedTask[]): Promise<void> {
    const db = fromKysely(tx);
    for (const { owner, id, kind, attempt } of tasks) {
      this.#optionsOf(kind);
      // The delivery of an attempt that is over would go on to count as work of this user.
      if (attempt > 0) await this.#boss.deleteJob(kind, deliveryId({ owner, id }, attempt), { db });
      const delivery: Delivery = { owner, id };
      const sent = await this.#boss.send(kind, delivery, { id: deliveryId({ owner, id }, attempt + 1), group: { id: owner }, db });
      if (sent === null) throw new Error(`Task ${id} is delivered already under its attempt ${attempt + 1}.`);
    }
  }

  /** Takes a delivery away that leads nowhere, and delivers its task anew where that still waits. */
  async settle(tx: Tx, kind: string, delivery: string, task?: QueuedTask): Promise<void> {
    await this.#boss.deleteJob(kind, delivery, { db: fromKysely(tx) });
    if (task) await this.deliver(tx, [task]);
  }

  /** Instances that start at once get in each other's way where pg-boss changes the schema. An embedded database has but one. */
  async #alone(change: () => Promise<unknown>): Promise<void> {
    const { kind, reserved } = this.#source;
    if (kind === 'embedded') {
      await change();
      return;
    }
    const client = await reserved.connect();
    try {
      while (!(await hasLock(client))) await wait(LOCK_POLL_MS, new AbortController().signal);
      await change();
    } finally {
      // The lock ends with its session.
      client.release(true);
    }
  }

  #optionsOf(kind: string): QueueOptions {
    const options = this.#kinds.get(kind);
    if (!options) throw new Error(`Jobs of the kind ${kind} are not known here. Register it first.`);
    return options;
  }

  /** With a worker of its own each: one that has ended looks for the next at once, and not when its turn to poll comes. */
  async #work(kind: string, perUser: number, begin: (key: TaskKey) => Promise<void>): Promise<void> {
    const options = { pollingIntervalSeconds: POLL_SECONDS, notifyPollingIntervalSeconds: POLL_SECONDS, groupConcurrency: perUser };
    const worker: { id?: string } = {};
    const handle = async ([job]: Job<Delivery>[]): Promise<void> => {
      try {
        if (job) await begin(job.data);
      } finally {
        if (worker.id !== undefined) this.#boss.notifyWorker(worker.id);
      }
    };
    worker.id = await this.#boss.work(kind, options, handle);
  }
}

interface Asked {
  query(text: string, values: readonly unknown[]): Promise<{ rows: { is_mine: boolean }[] }>;
}

async function hasLock(client: Asked): Promise<boolean> {
  const { rows } = await client.query('select pg_try_advisory_lock($1) as is_mine', [SCHEMA_LOCK]);
  return rows[0]?.is_mine ?? false;
}

/** One for each attempt, so that it can be found again. */
function deliveryId({ owner, id }: TaskKey, attempt: number): string {
  const hex = createHash('sha256')
    .update(JSON.stringify([owner, id, attempt]))
    .digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** The one pool, as pg-boss wants to see it. Its statements are nobody's work: no abort reaches them. */
function toDb({ pool, listen }: Database['source']): Db {
  return {
    executeSql: async (text, values) => {
      const answer: unknown = await (values?.length ? pool.query(text, values) : pool.query(text));
      return { rows: rowsOf(answer) };
    },
    listen,
  };
}

/** Of several statements at once, each has an answer of its own. */
function rowsOf(answer: unknown): unknown[] {
  const answers = (Array.isArray(answer) ? answer : [answer]) as { rows?: unknown[] }[];
  return answers.flatMap(({ rows }) => rows ?? []);
}
