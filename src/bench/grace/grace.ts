import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { hrtime } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { openBenchDatabase } from '../harness/bench-database.js';
import { Child } from '../harness/child.js';
import type { Goal } from '../harness/goals.js';
import { post, type RawPost } from '../harness/raw-post.js';
import { percentile } from '../harness/statistics.js';
import { number, printTable } from '../harness/table.js';
import type { LabellingInstance } from './instance.js';
import type { Closed, HeldModel } from './model.js';

const SAMPLES = 200;
const WARM_UP = 24;
const AT_ONCE = 8;
const GRACE_MS = 1000;

/** For what a client asks when it leaves, and how long it holds the call before that: both keep the instance equally busy. */
const POLICIES = {
  cancel: { what: 'X-On-Disconnect: cancel (baseline)', header: 'cancel', holdMs: GRACE_MS, graceMs: 0 },
  grace: { what: `X-On-Disconnect: grace=${GRACE_MS}`, header: `grace=${GRACE_MS}`, holdMs: 0, graceMs: GRACE_MS },
} as const;
type Policy = keyof typeof POLICIES;

interface Bench {
  readonly url: string;
  readonly token: string;
  readonly watch: ModelWatch;
}

/**
 * From `socket.destroy()` at the client to `'close'` at the model server, mid-answer, where the task is given time to go on without its
 * client: how far from the end of that time its call is closed, against a task that is given none.
 */
export async function measureGrace(): Promise<Goal[]> {
  await using database = await openBenchDatabase('grace');
  await using model = new Child<HeldModel>(new URL('./model.js', import.meta.url));
  await using instance = new Child<LabellingInstance>(new URL('./instance.js', import.meta.url));
  const bench = { ...(await instance.call('start', await model.call('start'), database.env)), watch: new ModelWatch(model) };
  for (const policy of ['cancel', 'grace'] as const) await sample(bench, policy, WARM_UP);
  const cancel = await sample(bench, 'cancel', SAMPLES);
  const grace = await sample(bench, 'grace', SAMPLES);
  return report({ cancel, grace }, database.description);
}

/** What the model server tells of the calls of each task. */
class ModelWatch {
  readonly #tasks = new Map<string, Heard>();

  constructor(model: Child<HeldModel>) {
    model.on('answering', (task) => this.#tasks.get(task as string)?.answering.resolve(undefined));
    model.on('closed', (closed) => this.#tasks.get((closed as Closed).task)?.closed.resolve(closed as Closed));
  }

  of(task: string): Heard {
    const awaited = { answering: Promise.withResolvers<undefined>(), closed: Promise.withResolvers<Closed>() };
    this.#tasks.set(task, awaited);
    return awaited;
  }
}

interface Heard {
  readonly answering: PromiseWithResolvers<undefined>;
  readonly closed: PromiseWithResolvers<Closed>;
}

async function sample(bench: Bench, policy: Policy, count: number): Promise<number[]> {
  const samples: number[] = [];
  let begun = 0;
  const takeTurns = async (): Promise<void> => {
    while (begun < count) {
      begun += 1;
      samples.push(await hangUp(bench, policy));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, takeTurns));
  return samples;
}

/** Milliseconds from the end of the grace to the model's closed socket. */
async function hangUp({ url, token, watch }: Bench, policy: Policy): Promise<number> {
  const { header, holdMs, graceMs } = POLICIES[policy];
  const task = randomUUID();
  const { answering, closed } = watch.of(task);
  const socket = await post(toRequest(url, { authorization: `Bearer ${token}`, 'x-task-id': task, 'x-on-disconnect': header }));
  const broken = once(socket, 'close').then(() => Promise.reject(new Error(`The connection of a task with ${header} closed too early.`)));
  await Promise.race([answering.promise, broken]);
  await Promise.race([delay(holdMs), broken]);
  broken.catch(() => undefined);
  const leftAt = hrtime.bigint();
  socket.destroy();
  const { at, outcome } = await closed.promise;
  if (outcome !== 'client_closed') throw new Error(`The call ended as ${outcome} before its client had left.`);
  return Number(at - leftAt) / 1e6 - graceMs;
}

function toRequest(url: string, headers: RawPost['headers']): RawPost {
  return { url, headers, body: JSON.stringify({ book_id: 1, chapter_id: 101, exercise_type: 'mixed' }) };
}

const SHARES = [0, 0.5, 0.99, 1] as const;

function report(samples: Record<Policy, readonly number[]>, where: string): Goal[] {
  const rows = (['cancel', 'grace'] as const).map((policy) => [
    POLICIES[policy].what,
    number(samples[policy].length),
    ...SHARES.map((share) => number(percentile(samples[policy], share), 3)),
  ]);
  printTable(`7. From the end of the grace to closed upstream socket, ms, ${where}`, ['', 'samples', 'min', 'p50', 'p99', 'max'], rows, [
    `The grace is counted from the client's hang-up; ${AT_ONCE} clients at once, which hold their calls for ${number(GRACE_MS)} ms in both lines.`,
  ]);
  const earliest = percentile(samples.grace, 0);
  const p99 = percentile(samples.grace, 0.99);
  return [
    { what: '7 earliest end of a grace', goal: 'not before its time', measured: `${number(earliest, 3)} ms after`, isMet: earliest >= 0 },
    { what: '7 latest end of a grace, p99', goal: 'under 50 ms late', measured: `${number(p99, 3)} ms`, isMet: p99 < 50 },
  ];
}
