import { once } from 'node:events';
import { hrtime } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { openBenchDatabase } from '../harness/bench-database.js';
import { Child } from '../harness/child.js';
import type { Goal } from '../harness/goals.js';
import { post, type RawPost } from '../harness/raw-post.js';
import { percentile } from '../harness/statistics.js';
import { number, printTable, ratio } from '../harness/table.js';
import { CONTESTANT_NAMES, CONTESTANTS, openContestant, type Contestant } from './contestants.js';
import type { Closed, Model } from './model.js';

const SAMPLES = 400;
const WARM_UP = 40;
/** So that what was sent before the hang-up has arrived, and what it left to do is done. */
const PAUSE_MS = 3;

type Samples = Record<Contestant, number[]>;

/**
 * From `socket.destroy()` at the client to `'close'` at the model server, mid-answer, with each contestant in between: its share is
 * what its own code adds to two closed sockets. The contestants take turns.
 */
export async function measureDisconnect(): Promise<Goal[]> {
  await using resources = new AsyncDisposableStack();
  const database = resources.use(await openBenchDatabase('disconnect'));
  const model = resources.use(new Child<Model>(new URL('./model.js', import.meta.url)));
  const targets = await startAll(await model.call('start'), database.env, resources);
  const watch = new ModelWatch(model);
  await takeTurns(targets, watch, WARM_UP);
  const samples = await takeTurns(targets, watch, SAMPLES);
  printSamples(samples, database.description);
  return goalsOf(samples);
}

async function startAll(modelUrl: string, env: Readonly<Record<string, string>>, resources: AsyncDisposableStack) {
  const targets = new Map<Contestant, RawPost>();
  for (const name of CONTESTANT_NAMES) targets.set(name, await resources.use(openContestant(name)).call('start', modelUrl, env));
  return targets;
}

/** What the model server tells: that it answers, and that its reader has gone. */
class ModelWatch {
  #answering = Promise.withResolvers<undefined>();
  #closed = Promise.withResolvers<Closed>();

  constructor(model: Child<Model>) {
    model.on('answering', () => this.#answering.resolve(undefined));
    model.on('closed', (closed) => this.#closed.resolve(closed as Closed));
  }

  /** Forgets the last call. */
  next(): { readonly answering: Promise<unknown>; readonly closed: Promise<Closed> } {
    this.#answering = Promise.withResolvers();
    this.#closed = Promise.withResolvers();
    return { answering: this.#answering.promise, closed: this.#closed.promise };
  }
}

async function takeTurns(targets: ReadonlyMap<Contestant, RawPost>, watch: ModelWatch, count: number): Promise<Samples> {
  const samples: Samples = { 'plain-proxy': [], 'nest-gateway': [], 'quiz-backend': [] };
  for (let i = 0; i < count; i += 1) {
    for (const [name, target] of targets) samples[name].push(await hangUp(target, watch));
  }
  return samples;
}

/** Milliseconds from the client's hang-up to the model's closed socket. */
async function hangUp(target: RawPost, watch: ModelWatch): Promise<number> {
  const { answering, closed } = watch.next();
  const socket = await post(target);
  const broken = once(socket, 'close').then(() => Promise.reject(new Error(`${target.url} closed the connection before anybody hung up.`)));
  await Promise.race([answering, broken]);
  await delay(PAUSE_MS);
  broken.catch(() => undefined);
  const leftAt = hrtime.bigint();
  socket.destroy();
  const { at, outcome } = await closed;
  if (outcome !== 'client_closed') throw new Error(`The call ended as ${outcome} before anybody hung up.`);
  await delay(PAUSE_MS);
  return Number(at - leftAt) / 1e6;
}

function printSamples(samples: Samples, database: string): void {
  const of = (name: Contestant, share: number): number => percentile(samples[name], share);
  const against = (name: Contestant, share: number): string => ratio(of(name, share) / of('plain-proxy', share));
  const ms = (value: number): string => number(value, 3);
  const rows = CONTESTANT_NAMES.map((name) => [
    CONTESTANTS[name],
    number(samples[name].length),
    ms(of(name, 0.5)),
    against(name, 0.5),
    ms(of(name, 0.99)),
    against(name, 0.99),
    ms(of(name, 1)),
  ]);
  const remark = `The model was answering; the contestants took turns, each in its own process. Hangup ran on ${database}.`;
  printTable('2. From hang-up to closed upstream socket, ms', ['', 'samples', 'p50', '', 'p99', '', 'max'], rows, [remark]);
}

function goalsOf(samples: Samples): Goal[] {
  const p50 = percentile(samples['quiz-backend'], 0.5) / percentile(samples['plain-proxy'], 0.5);
  const p99 = percentile(samples['quiz-backend'], 0.99);
  return [
    { what: '2 hang-up to closed upstream, p50 against a bare proxy', goal: 'within 1.5x', measured: ratio(p50), isMet: p50 <= 1.5 },
    { what: '2 hang-up to closed upstream, p99', goal: 'under 10 ms', measured: `${number(p99, 3)} ms`, isMet: p99 < 10 },
  ];
}
