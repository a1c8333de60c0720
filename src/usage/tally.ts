import { ABORT_CAUSES } from '../abort/index.js';
import type { Cancels, Saved, Spent, UsageReport } from './usage.dto.js';
import type { AvoidedRow, Books, CallsRow, EndedRow, Facets, MeanRow } from './usage.repository.js';

type Tally = Pick<UsageReport, 'spent' | 'wasted' | 'saved' | 'cancels'>;
type Breakdowns = Pick<UsageReport, 'by_day' | 'by_kind' | 'by_cause' | 'by_stage'>;

/** What all of the books come to. */
export function totalOf(books: Books): Tally & { readonly ended_tasks: number } {
  return withEnded(books);
}

/** The same by day, kind, cause and stage: each in the order of its names, causes in the order of their union. */
export function breakdownsOf(books: Books): Breakdowns {
  return {
    by_day: split(books, ({ day }) => day).map(([day, part]) => ({ day, ...withEnded(part) })),
    by_kind: split(books, ({ kind }) => kind).map(([kind, part]) => ({ kind, ...withEnded(part) })),
    by_cause: byCause(books),
    by_stage: split(books, ({ kind }) => kind).flatMap(([kind, part]) => byStage(kind, part)),
  };
}

function byCause(books: Books): Breakdowns['by_cause'] {
  const all = endedIn(books);
  const parts = new Map(split(books, ({ cause }) => cause ?? undefined));
  return ABORT_CAUSES.flatMap((cause) => {
    const part = parts.get(cause);
    if (!part) return [];
    const { wasted, saved, cancels } = tallyOf(part, all);
    return [{ cause, wasted, saved, cancels }];
  });
}

/** The stages of one kind. A rate is of all tasks of the kind: what had not been cancelled ended at no stage. */
function byStage(kind: string, books: Books): Breakdowns['by_stage'] {
  const { means } = books;
  const all = endedIn(books);
  const cancelled = { ...books, ended: books.ended.filter(isCancelled) };
  return split(cancelled, ({ stage }) => stage ?? '').map(([name, part]) => {
    const mean = means.find((each) => each.kind === kind && each.stage === name);
    const known = mean ? { cost_usd: inDollars(mean.cost_usd), calls: mean.calls } : null;
    return { kind, stage: name === '' ? null : name, mean: known, ...tallyOf(part, all) };
  });
}

function withEnded(books: Books): Tally & { readonly ended_tasks: number } {
  const ended_tasks = endedIn(books);
  return { ended_tasks, ...tallyOf(books, ended_tasks) };
}

/** `ended` is what the cancelled tasks are a part of. */
function tallyOf({ calls, ended, avoided, means }: Books, endedTasks: number): Tally {
  return {
    spent: spentOn(calls),
    wasted: spentOn(calls.filter(isCancelled)),
    saved: savedBy(avoided, means),
    cancels: cancelsOf(ended.filter(isCancelled), endedTasks),
  };
}

function spentOn(rows: readonly CallsRow[]): Spent {
  const sum = (field: keyof Spent): number => rows.reduce((total, row) => total + row[field], 0);
  return {
    calls: sum('calls'),
    open_calls: sum('open_calls'),
    estimated_calls: sum('estimated_calls'),
    unpriced_calls: sum('unpriced_calls'),
    prompt_tokens: sum('prompt_tokens'),
    completion_tokens: sum('completion_tokens'),
    cost_usd: inDollars(sum('cost_usd')),
  };
}

/** A stage of which no priced call has completed yet is counted, and no price made up for it. */
function savedBy(rows: readonly AvoidedRow[], means: readonly MeanRow[]): Saved {
  const used = new Set<MeanRow>();
  const saved = { calls: 0, unpriced_calls: 0, cost_usd: 0 };
  for (const { kind, stage, calls } of rows) {
    const mean = means.find((each) => each.kind === kind && each.stage === stage);
    saved.calls += calls;
    if (mean) {
      used.add(mean);
      saved.cost_usd += calls * mean.cost_usd;
    } else saved.unpriced_calls += calls;
  }
  const rests_on_calls = [...used].reduce((sum, { calls }) => sum + calls, 0);
  return { ...saved, cost_usd: inDollars(saved.cost_usd), rests_on_calls };
}

function cancelsOf(rows: readonly EndedRow[], endedTasks: number): Cancels {
  const tasks = rows.reduce((sum, row) => sum + row.tasks, 0);
  return { tasks, rate: endedTasks === 0 ? null : tasks / endedTasks };
}

function endedIn({ ended }: Books): number {
  return ended.reduce((sum, { tasks }) => sum + tasks, 0);
}

function isCancelled({ cause }: Facets): boolean {
  return cause !== null;
}

/** The books apart, by what `keyOf` says of each row; rows of which it says `undefined` are left out. */
function split(books: Books, keyOf: (row: Facets) => string | undefined): [key: string, part: Books][] {
  const { calls, ended, avoided, means } = books;
  const keys = new Set([...calls, ...ended, ...avoided].map(keyOf).filter((key) => key !== undefined));
  return [...keys].toSorted().map((key) => {
    const isOf = (row: Facets): boolean => keyOf(row) === key;
    return [key, { calls: calls.filter(isOf), ended: ended.filter(isOf), avoided: avoided.filter(isOf), means }];
  });
}

/** The ledger keeps eight places: what is beyond is the noise of adding binary fractions. */
export function inDollars(sum: number): number {
  return Math.round(sum * 1e8) / 1e8;
}
