import { hrtime } from 'node:process';
import { AbortContext } from '../../abort/index.js';
import type { Goal } from '../harness/goals.js';
import { median } from '../harness/statistics.js';
import { number, printTable } from '../harness/table.js';

const CALLS = 5_000_000;
const ROUNDS = 11;
const WARM_UP_ROUNDS = 3;
const MOST_NS = 100;

class Empty {
  calls = 0;

  checkpoint(): void {
    this.calls += 1;
  }
}

/** What a look costs, where nothing has been aborted: in a tight loop inside a scope, against a call that does next to nothing. */
export async function measureCheckpoint(): Promise<Goal[]> {
  const context = new AbortContext();
  const empty = new Empty();
  const rounds = await context.run(new AbortController().signal, () =>
    Array.from({ length: WARM_UP_ROUNDS + ROUNDS }, () => ({
      empty: time(() => empty.checkpoint()),
      look: time(() => context.checkpoint()),
      staged: time(() => context.checkpoint('generate_quiz', 'aborting LLM call')),
    })).slice(WARM_UP_ROUNDS),
  );
  const of = (contestant: 'empty' | 'look' | 'staged'): number => median(rounds.map((round) => round[contestant]));
  printTable(
    '4. The look',
    ['', 'ns'],
    [
      ['a call that adds one', number(of('empty'), 2)],
      ['AbortContext.checkpoint()', number(of('look'), 2)],
      ['AbortContext.checkpoint(stage, action)', number(of('staged'), 2)],
    ],
    [`Medians of ${ROUNDS} rounds of ${number(CALLS)} calls, the loop included.`],
  );
  return [
    {
      what: '4 AbortContext.checkpoint()',
      goal: `nanoseconds (< ${MOST_NS})`,
      measured: `${number(of('look'), 1)} ns`,
      isMet: of('look') < MOST_NS,
    },
  ];
}

/** Nanoseconds for one call. */
function time(call: () => void): number {
  const startedAt = hrtime.bigint();
  for (let i = 0; i < CALLS; i += 1) call();
  return Number(hrtime.bigint() - startedAt) / CALLS;
}
