import { Child } from '../harness/child.js';
import type { Goal } from '../harness/goals.js';
import { median, percentile } from '../harness/statistics.js';
import { change, number, print, printTable } from '../harness/table.js';
import { VARIANTS, type Variant } from './apps.js';
import type { LoadGenerator, LoadResult } from './load.js';
import type { OverheadServer } from './server.js';

/** Two processes of the very same code differ by several percent for as long as they live: each variant gets several. */
const GENERATIONS = 20;
const ROUNDS = 2;
const REQUESTS = 20_000;
const WARM_UP_REQUESTS = 20_000;

const NAMES = {
  bare: '(a) Nest + Fastify, bare',
  module: '(b) AbortModule, nobody looks',
  looking: '(c) AbortModule, signal read from AbortContext',
  injected: '(d) AbortModule, @RequestSignal()',
  parameter: "(e) (a) + a parameter decorator of one's own",
  asInterceptor: '(f) AbortModule as an interceptor, nobody looks',
  interceptor: '(g) (a) + an interceptor that does nothing',
} satisfies Record<Variant, string>;

interface Target {
  readonly variant: Variant;
  readonly server: Child<OverheadServer>;
  readonly url: string;
}

interface Sample extends LoadResult {
  /** Processor time of the server for one request. Other processes on the machine disturb it least. */
  readonly cpuUs: number;
}

type Round = Record<Variant, Sample>;

/**
 * What a trivial route pays for the module: one server process for each variant and one for the load, all of them anew in each
 * generation. The variants take turns in short rounds, in rotated order, and are compared within their round, so that what disturbs
 * the machine disturbs them alike.
 */
export async function measureOverhead(): Promise<Goal[]> {
  const rounds: Round[] = [];
  for (let i = 0; i < GENERATIONS; i += 1) rounds.push(...(await runGeneration(i)));
  printRounds(rounds);
  return [goalOf('module', 0.03, rounds), goalOf('looking', 0.05, rounds)];
}

async function runGeneration(generation: number): Promise<Round[]> {
  await using children = new AsyncDisposableStack();
  const load = children.use(new Child<LoadGenerator>(new URL('./load.js', import.meta.url)));
  const targets = await Promise.all(VARIANTS.map((variant) => startTarget(variant, children)));
  for (const { url } of targets) await load.call('run', url, WARM_UP_REQUESTS);
  const rounds: Round[] = [];
  for (let i = 0; i < ROUNDS; i += 1) rounds.push(await runRound(rotate(targets, generation + i), load));
  return rounds;
}

async function startTarget(variant: Variant, children: AsyncDisposableStack): Promise<Target> {
  const server = children.use(new Child<OverheadServer>(new URL('./server.js', import.meta.url), { args: [variant] }));
  return { variant, server, url: await server.call('start') };
}

async function runRound(targets: readonly Target[], load: Child<LoadGenerator>): Promise<Round> {
  const samples: Partial<Round> = {};
  for (const target of targets) samples[target.variant] = await sample(target, load);
  return samples as Round;
}

async function sample({ server, url }: Target, load: Child<LoadGenerator>): Promise<Sample> {
  const before = await server.call('cpu');
  const result = await load.call('run', url, REQUESTS);
  const after = await server.call('cpu');
  return { ...result, cpuUs: (after - before) / REQUESTS };
}

function rotate<T>(items: readonly T[], by: number): readonly T[] {
  const from = by % items.length;
  return [...items.slice(from), ...items.slice(0, from)];
}

function ratioTo(baseline: Variant, variant: Variant, field: keyof Sample, rounds: readonly Round[]): number {
  return median(rounds.map((round) => round[variant][field] / round[baseline][field]));
}

/** Others on the machine can only add to it, so the best rounds say most. */
function undisturbedCpu(variant: Variant, rounds: readonly Round[]): number {
  return percentile(
    rounds.map((round) => round[variant].cpuUs),
    0.2,
  );
}

function printRounds(rounds: readonly Round[]): void {
  const rows = VARIANTS.map((variant) => {
    const of = (field: keyof Sample): number => median(rounds.map((round) => round[variant][field]));
    return [
      NAMES[variant],
      number(of('perSecond')),
      change(ratioTo('bare', variant, 'perSecond', rounds)),
      of('p50Ms').toFixed(2),
      of('p99Ms').toFixed(2),
      undisturbedCpu(variant, rounds).toFixed(1),
      change(undisturbedCpu(variant, rounds) / undisturbedCpu('bare', rounds)),
    ];
  });
  printTable('1. A trivial route', ['', 'requests/s', 'to (a)', 'p50 ms', 'p99 ms', 'CPU us', 'to (a)'], rows, [
    `Medians of ${rounds.length} rounds of ${number(REQUESTS)} requests, each ${ROUNDS} with processes of their own; ratios of rates are taken within a round.`,
    "CPU is the server's, for one request, in its best fifth of the rounds. (e) and (g) are what Nest itself charges.",
  ]);
  print('');
}

function goalOf(variant: Variant, most: number, rounds: readonly Round[]): Goal {
  const perSecond = ratioTo('bare', variant, 'perSecond', rounds);
  return {
    what: `1${NAMES[variant].slice(0, 3)} requests/s against (a)`,
    goal: `within ${most * 100} %`,
    measured: change(perSecond),
    isMet: perSecond >= 1 - most,
  };
}
