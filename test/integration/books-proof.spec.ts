import { performance } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AbortContext } from '../../src/abort/index.js';
import { percentile } from '../../src/bench/harness/statistics.js';
import { eventually } from '../../src/testing/index.js';
import type { UsageReport } from '../../src/usage/usage.dto.js';
import { runsPostgres } from '../support/backends.js';
import { ComparedBooks, wasSent, type LedgerRow } from '../support/compared-books.js';
import { JournalModel, labelCalls } from '../support/journal-model.js';
import { planMixed, playMixed, type Lengths, type Planned } from '../support/mixed-run.js';
import { rowsOf } from '../support/rows.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { usageOf } from '../support/usage-client.js';

const TASKS = 1000;
const SEED = Number(process.env.BOOKS_SEED ?? Date.now() % 1_000_000);
const PACE = { firstTokenMs: 30, tokensPerSecond: 400 };
/** At that pace, on a machine that does other things too. */
const LENGTHS: Lengths = { quiz: 1100, validation: 350, chat: 600, analysis: 1500 };
const MOST_ERROR = 0.05;

interface EndedTask {
  readonly kind: string;
  readonly state: string;
  readonly cause: string | null;
  readonly stage: string | null;
}

(runsPostgres ? describe : describe.skip)(`the books of ${TASKS} tasks, a third of them cut (BOOKS_SEED=${SEED})`, () => {
  let model: JournalModel;
  let app: TestApp;
  let unlabel: () => void;
  let plan: Planned[];
  let books: ComparedBooks;
  let ledger: LedgerRow[];
  let tasks: EndedTask[];
  let usage: UsageReport;

  beforeAll(async () => {
    model = await JournalModel.start(PACE);
    const env = { OPENAI_BASE_URL: model.baseUrl, LLM_MAX_CONCURRENCY: '64', DATABASE_POOL_SIZE: '20', LOG_LEVEL: 'warn' };
    const prepare = (started: NestFastifyApplication) => (unlabel = labelCalls(started.get(AbortContext)));
    app = await startTestApp({ backend: 'postgres', isFirstStart: true, env, prepare });
    plan = planMixed(SEED, TASKS, LENGTHS);
    const from = performance.now();
    await playMixed(app, plan);
    await eventually(allEnded, { timeoutMs: 60_000, message: 'the end of every task and call' });
    const seconds = (performance.now() - from) / 1000;
    ledger = await rowsOf<LedgerRow>(app, LEDGER);
    tasks = await rowsOf<EndedTask>(app, ENDED);
    usage = await usageOf(await app.client('admin', { scope: 'hangup:admin' }));
    books = new ComparedBooks(ledger, model.journal());
    report(seconds);
  }, 300_000);
  afterAll(async () => {
    unlabel();
    await app.close();
    await model.stop();
  });

  const LEDGER = `select c.*, coalesce(t.state = 'cancelled', false) as is_cancelled from llm_calls c
    left join tasks t on t.owner = c.owner and t.id = c.task_id order by c.started_at, c.id`;
  const ENDED = `select kind, state, case when state = 'cancelled' then cancel ->> 'cause' end as cause,
    case when state = 'cancelled' then regexp_replace(receipt ->> 'stage', ' [0-9]+/[0-9]+', '') end as stage
    from tasks where not (state = 'cancelled' and input_hash is null)`;

  async function allEnded(): Promise<boolean> {
    const live = await rowsOf(
      app,
      `select 1 from tasks where finished_at is null union all select 1 from llm_calls where outcome = 'open'`,
    );
    return live.length === 0;
  }

  function report(seconds: number): void {
    const { estimate } = books;
    const off = estimate.differences;
    const of = (share: number): number => percentile(off, share);
    const per = (part: number): string => `${(part * 100).toFixed(2)} %`;
    const cuts = Object.entries(Object.groupBy(tasks, ({ state, cause }) => cause ?? state)).map(([what, all]) => `${what} ${all?.length}`);
    process.stdout.write(
      [
        `BOOKS_SEED=${SEED}: ${tasks.length} tasks (${cuts.join(', ')}) in ${seconds.toFixed(1)} s`,
        `${ledger.length} rows: ${ledger.filter((row) => !wasSent(row)).length} never sent, ${books.pairs.length} in the journal too, ${estimate.calls} of them estimated`,
        `booked ${estimate.booked} tokens for those, the model counts ${estimate.counted}: ${per(estimate.error)} off, of completions ${per(estimate.completionError)}`,
        `per call, in tokens: least ${of(0)}, p5 ${of(0.05)}, p50 ${of(0.5)}, p95 ${of(0.95)}, most ${of(1)}; ${off.filter((each) => each !== 0).length} calls are off at all`,
        '',
      ].join('\n'),
    );
  }

  const sum = (rows: readonly LedgerRow[], of: (row: LedgerRow) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const costOf = (rows: readonly LedgerRow[]): number => sum(rows, ({ cost_usd }) => Number(cost_usd));
  const count = (of: Partial<EndedTask>): number =>
    tasks.filter((task) => Object.entries(of).every(([field, value]) => task[field as keyof EndedTask] === value)).length;

  it('are of a run in which tasks were cut by each means, in each of their stages', () => {
    for (const cause of ['client_disconnect', 'user', 'deadline']) expect(count({ cause })).toBeGreaterThan(TASKS / 50);
    const stages = new Set(tasks.map(({ kind, stage }) => `${kind} ${stage}`));
    const quiz = ['retrieve_content', 'generate_quiz', 'evaluate_content'].map((stage) => `quiz_generation ${stage}`);
    expect([...stages]).toEqual(expect.arrayContaining([...quiz, 'answer_validation validate_answer', 'chat_reply chat_reply']));
    expect(books.estimate.calls).toBeGreaterThan(TASKS / 20);
  });

  it('leave no row open, and none that is there twice', () => {
    expect(ledger.filter(({ outcome }) => outcome === 'open')).toEqual([]);
    expect(books.pairs).toHaveLength(new Set(books.pairs.map(({ call }) => call)).size);
    expect(app.logs.at('error')).toEqual([]);
  });

  it('have a row for each call that the model knows of, and the model knows of each that was sent', () => {
    expect({ unbooked: books.unbooked, unheard: books.unheard }).toEqual({ unbooked: [], unheard: [] });
  });

  it('agree with the model token for token where it told its count', () => {
    expect(books.pairs.filter(({ row }) => row.is_exact).length).toBeGreaterThan(TASKS);
    expect(books.misbooked).toEqual([]);
  });

  it('are at most 5 % off where a call was cut before it could', () => {
    expect(Math.abs(books.estimate.error)).toBeLessThan(MOST_ERROR);
  });

  it('are what GET /api/usage tells: all that was spent, and as wasted what went to tasks that were cancelled', () => {
    const wasted = ledger.filter(({ is_cancelled }) => is_cancelled);
    const tokensOf = (rows: readonly LedgerRow[]) => ({
      calls: rows.length,
      open_calls: 0,
      prompt_tokens: sum(rows, ({ prompt_tokens }) => prompt_tokens),
      completion_tokens: sum(rows, ({ completion_tokens }) => completion_tokens),
    });
    expect(usage.spent).toMatchObject(tokensOf(ledger));
    expect(usage.wasted).toMatchObject(tokensOf(wasted));
    expect(usage.spent.cost_usd).toBeCloseTo(costOf(ledger), 7);
    expect(usage.wasted.cost_usd).toBeCloseTo(costOf(wasted), 7);
    expect(usage.wasted.cost_usd).toBeGreaterThan(0);
  });

  it('tell how many were cancelled, and which part that is of all that ended, by kind, cause and stage', () => {
    const cancelled = tasks.filter(({ cause }) => cause !== null);
    expect(usage.ended_tasks).toBe(tasks.length);
    expect(usage.cancels).toEqual({ tasks: cancelled.length, rate: cancelled.length / tasks.length });
    for (const { kind, ended_tasks, cancels } of usage.by_kind) {
      const stopped = cancelled.filter((task) => task.kind === kind).length;
      expect({ kind, ended_tasks, cancels }).toEqual({
        kind,
        ended_tasks: count({ kind }),
        cancels: { tasks: stopped, rate: count({ kind }) === 0 ? null : stopped / count({ kind }) },
      });
    }
    for (const { cause, cancels } of usage.by_cause) {
      expect({ cause, cancels }).toEqual({ cause, cancels: { tasks: count({ cause }), rate: count({ cause }) / tasks.length } });
    }
    for (const { kind, stage, cancels } of usage.by_stage) {
      const stopped = cancelled.filter((task) => task.kind === kind && task.stage === stage).length;
      expect({ kind, stage, tasks: cancels.tasks }).toEqual({ kind, stage, tasks: stopped });
      if (stopped > 0) expect(cancels.rate).toBe(stopped / count({ kind }));
    }
    const told = (parts: readonly { readonly cancels: { readonly tasks: number } }[]): number =>
      parts.reduce((total, { cancels }) => total + cancels.tasks, 0);
    expect([told(usage.by_kind), told(usage.by_cause), told(usage.by_stage)]).toEqual(Array(3).fill(cancelled.length));
  });
});
