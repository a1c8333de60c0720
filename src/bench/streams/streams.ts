import { randomUUID } from 'node:crypto';
import { hrtime } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { openBenchDatabase } from '../harness/bench-database.js';
import { Child } from '../harness/child.js';
import type { Goal } from '../harness/goals.js';
import type { RawPost } from '../harness/raw-post.js';
import { startFlags } from '../harness/start-flags.js';
import { sum } from '../harness/statistics.js';
import { number, printTable, ratio } from '../harness/table.js';
import { measureBaselines, type Baseline } from './baselines.js';
import type { Crowd } from './crowd.js';
import { cutAll, type Surroundings } from './cut.js';
import type { Census, Instance } from './instance.js';
import type { SlowModel } from './model.js';

const STREAMS = Number(process.env.BENCH_STREAMS ?? 2000);
/** A stream has two sockets in the instance, and there are others. */
const FILES_PER_STREAM = 2;
const OTHER_FILES = 200;
const POLL_MS = 25;
const LONGEST_BOOKING_MS = 60_000;
/** Idle connections to the database are closed after ten seconds. */
const REST_MS = 12_000;
/** What comes and goes by itself, as connections of pools do, is counted so often. */
const COUNTS = 3;
const BETWEEN_COUNTS_MS = 10_000;
const GOALS = { closedMs: 2000, blockMs: 200, bytesPerStream: 100 };

const FLAGS = ['--expose-gc', '--disable-warning=ExperimentalWarning', ...startFlags()];
const ENV = { LLM_MAX_CONCURRENCY: '100000', LLM_IDLE_TIMEOUT_MS: '600000', LLM_TIMEOUT_MS: '3600000' };

type Kind = 'quizzes' | 'quizzes and replies';
/** The first two warm up. */
const KINDS: readonly Kind[] = ['quizzes and replies', 'quizzes'];
const ROUNDS: readonly Kind[] = [...KINDS, ...KINDS, ...KINDS];
const WARM_UPS = 2;

interface Round {
  readonly kind: Kind;
  readonly closedMs: number;
  readonly blockMs: number;
  readonly bookedMs: number;
  /** Tasks not cancelled, and calls still open, when that was given up. */
  readonly unbooked: number;
  readonly before: Census;
  readonly after: Census;
}

/**
 * So many clients, each with a stream whose model call is in flight, leave in one turn: how soon all calls are closed at the model, how
 * long the event loop of the instance stands still, when the books are closed, and what is left. `BENCH_STREAMS` sets how many.
 */
export async function measureStreams(): Promise<Goal[]> {
  requireFiles(STREAMS * FILES_PER_STREAM + OTHER_FILES);
  await using database = await openBenchDatabase('streams');
  await using model = new Child<SlowModel>(new URL('./model.js', import.meta.url));
  await using crowd = new Child<Crowd>(new URL('./crowd.js', import.meta.url));
  const around = { model, crowd };
  const modelUrl = await model.call('start');
  const baselines = await measureBaselines(around, modelUrl, STREAMS);
  await using instance = new Child<Instance>(new URL('./instance.js', import.meta.url), { flags: FLAGS });
  const url = await instance.call('start', modelUrl, { ...database.env, ...ENV });
  const tokens = await instance.call(
    'tokens',
    Array.from({ length: STREAMS }, (_, i) => `learner-${i}`),
  );
  const rounds: Round[] = [];
  let before = await rested(instance);
  for (const kind of ROUNDS) {
    rounds.push(await runRound({ ...around, instance, url, tokens }, kind, before));
    before = rounds.at(-1)?.after ?? before;
  }
  return report(rounds, baselines, database.description);
}

interface Bench extends Surroundings {
  readonly instance: Child<Instance>;
  readonly url: string;
  readonly tokens: readonly string[];
}

async function runRound({ instance, url, tokens, ...around }: Bench, kind: Kind, before: Census): Promise<Round> {
  const known = await instance.call('books');
  const requests = tokens.map((token, i) => toRequest(url, token, kind === 'quizzes' || i % 2 === 0));
  const { at, closedMs } = await cutAll(around, instance, requests);
  const unbooked = await booked(instance, known.cancelled + STREAMS);
  const round = { kind, closedMs, unbooked, bookedMs: since(at), blockMs: await instance.call('longestBlock') };
  return { ...round, before, after: await rested(instance) };
}

function toRequest(url: string, token: string, isQuiz: boolean): RawPost {
  const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream' };
  if (isQuiz) return { url: `${url}/api/quizzes/generate`, headers, body: QUIZ };
  return { url: `${url}/api/chat/sessions/${randomUUID()}/messages`, headers, body: QUESTION };
}

const QUIZ = JSON.stringify({ book_id: 1, chapter_id: 101, exercise_type: 'mixed' });
const QUESTION = JSON.stringify({ content: 'Tell me about the sea.' });

/** Resolves when so many tasks are cancelled in the database and no ledger row is open, or with how many are not after a minute. */
async function booked(instance: Child<Instance>, cancelled: number): Promise<number> {
  for (let waited = 0; ; waited += POLL_MS) {
    const { cancelled: now, openCalls } = await instance.call('books');
    const unbooked = Math.max(0, cancelled - now) + openCalls;
    if (unbooked === 0 || waited > LONGEST_BOOKING_MS) return unbooked;
    await delay(POLL_MS);
  }
}

function since(at: bigint): number {
  return Number(hrtime.bigint() - at) / 1e6;
}

/** What is there when idle connections have been closed: the least of some counts, for what stays is in all of them. */
async function rested(instance: Child<Instance>): Promise<Census> {
  await delay(REST_MS);
  let least = await instance.call('census');
  for (let i = 1; i < COUNTS; i += 1) {
    await delay(BETWEEN_COUNTS_MS);
    least = leastOf(least, await instance.call('census'));
  }
  return least;
}

function leastOf(one: Census, other: Census): Census {
  const fields = Object.keys(one) as (keyof Census)[];
  return Object.fromEntries(fields.map((field) => [field, Math.min(one[field], other[field])])) as unknown as Census;
}

function requireFiles(files: number): void {
  const { userLimits } = process.report.getReport() as unknown as { userLimits: { open_files: { soft: number | string } } };
  const { soft } = userLimits.open_files;
  if (typeof soft === 'number' && soft < files)
    throw new Error(`${STREAMS} streams need ${files} open files, there may be ${soft}: ulimit -n ${files}`);
}

const COUNTED: readonly (readonly [string, keyof Census])[] = [
  ["clients' connections", 'connections'],
  ['sockets alive', 'sockets'],
  ['tasks live', 'tasks'],
  ['AbortSignals alive', 'signals'],
  ['AbortScopes alive', 'scopes'],
  ['timers alive', 'timers'],
  ['warnings of too many listeners', 'warnings'],
];

function report(rounds: readonly Round[], baselines: readonly Baseline[], where: string): Goal[] {
  const measured = rounds.slice(WARM_UPS);
  reportBaselines(baselines, measured);
  const head = ['', ...rounds.map((_, i) => (i < WARM_UPS ? 'warm-up' : `round ${i + 1 - WARM_UPS}`))];
  const row = (what: string, of: (round: Round) => string): string[] => [what, ...rounds.map(of)];
  const ms = (of: (round: Round) => number) => (round: Round) => number(of(round), 0);
  printTable(
    `6. ${number(STREAMS)} streams cut at once, ${where}`,
    head,
    [
      row('streams of', ({ kind }) => kind),
      row(
        'all calls closed at the model, ms',
        ms(({ closedMs }) => closedMs),
      ),
      row(
        'longest block of the event loop, ms',
        ms(({ blockMs }) => blockMs),
      ),
      row(
        'all tasks cancelled, all calls booked, ms',
        ms(({ bookedMs }) => bookedMs),
      ),
      row('not booked by then', ({ unbooked }) => number(unbooked)),
      row('heap before, MB', ({ before }) => number(before.heapBytes / 1e6, 3)),
      row('heap after, MB', ({ after }) => number(after.heapBytes / 1e6, 3)),
      ...COUNTED.map(([what, field]) => row(what, ({ after }) => number(after[field]))),
    ],
    [
      'Counted and weighed after a full collection, when idle connections had been closed: the least of three counts, ten seconds apart. Model, clients and instance are three processes.',
    ],
  );
  return goalsOf(measured);
}

/** The worse round of each, and how it compares with the first. */
function reportBaselines(baselines: readonly Baseline[], measured: readonly Round[]): void {
  const own = { name: 'Hangup, with tasks, events, receipts and books', ...worst(measured) };
  const [baseline] = baselines;
  const row = ({ name, closedMs, blockMs }: Baseline): string[] => [
    name,
    number(closedMs),
    ratio(closedMs / (baseline?.closedMs ?? NaN)),
    number(blockMs),
    ratio(blockMs / (baseline?.blockMs ?? NaN)),
  ];
  const head = ['', 'all calls closed at the model, ms', '', 'longest block of the event loop, ms', ''];
  printTable(`6. ${number(STREAMS)} streams cut at once, who stands between`, head, [...baselines, own].map(row), [
    'The worse of two rounds, after one that warms up; of Hangup the worst of four, after two.',
  ]);
}

function worst(rounds: readonly Round[]): Pick<Round, 'closedMs' | 'blockMs'> {
  return { closedMs: Math.max(...rounds.map(({ closedMs }) => closedMs)), blockMs: Math.max(...rounds.map(({ blockMs }) => blockMs)) };
}

function goalsOf(measured: readonly Round[]): Goal[] {
  const [first, last] = [measured.at(0)?.before, measured.at(-1)?.after];
  const difference = (field: keyof Census): number => (last?.[field] ?? 0) - (first?.[field] ?? 0);
  const { closedMs, blockMs } = worst(measured);
  const bytes = difference('heapBytes') / (STREAMS * measured.length);
  const unbooked = sum(measured.map((round) => round.unbooked));
  const left = sum(COUNTED.map(([, field]) => Math.max(0, difference(field))));
  const { bytesPerStream } = GOALS;
  return [
    most('all calls closed at the model', closedMs, GOALS.closedMs),
    most('longest block of the event loop', blockMs, GOALS.blockMs),
    { what: '6 tasks not cancelled, calls not booked', goal: '0', measured: number(unbooked), isMet: unbooked === 0 },
    {
      what: `6 heap after ${number(STREAMS * measured.length)} streams more`,
      goal: `the same (< ${bytesPerStream} bytes each)`,
      measured: `${number(bytes, 1)} bytes each`,
      isMet: bytes < bytesPerStream,
    },
    { what: '6 sockets, tasks, signals, scopes, timers, warnings left over', goal: '0', measured: number(left), isMet: left === 0 },
  ];
}

function most(what: string, ms: number, goalMs: number): Goal {
  return { what: `6 ${what}, worst round`, goal: `< ${number(goalMs)} ms`, measured: `${number(ms)} ms`, isMet: ms < goalMs };
}
