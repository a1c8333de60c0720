import { PRICES_AS_OF } from '../../llm/index.js';
import type { Goal } from '../harness/goals.js';
import { dollars, number, print, printTable, type Row } from '../harness/table.js';
import { Books, type Account, type Comparison } from './books.js';
import { MOMENTS, QUESTIONS } from './plan.js';
import type { Replay } from './replay.js';

/** Writes the month with propagation and without, side by side, and resolves with what must hold between its books. */
export function reportSavings(stopped: Replay, ignored: Replay): Goal[] {
  const [withIt, without] = [new Books(stopped), new Books(ignored)];
  printMonth(stopped, ignored, withIt, without);
  printMoments(withIt, without);
  const comparisons = [withIt.compare(), without.compare()] as const;
  printComparisons(...comparisons);
  return goalsOf(withIt, comparisons);
}

function printMonth(stopped: Replay, ignored: Replay, withIt: Books, without: Books): void {
  const row = (what: string, of: (books: Books) => number, write: (value: number) => string = number): Row => {
    const [a, b] = [of(withIt), of(without)];
    return [what, write(a), write(b), write(b - a), b === 0 ? '' : `${number(((b - a) / b) * 100, 1)} %`];
  };
  const plain = (what: string, a: number, b: number): Row => [what, number(a), number(b), '', ''];
  printTable(
    `A month of quizzes: ${number(stopped.plan.length)} of ${QUESTIONS} questions each`,
    ['', 'with', 'without', 'saved', ''],
    [
      plain('hung up', stopped.hungUp, ignored.hungUp),
      plain('quizzes stored', stopped.stored, ignored.stored),
      row('LLM calls started', ({ all }) => all.calls),
      plain('LLM calls cut', withIt.all.cut, without.all.cut),
      row('prompt tokens', ({ all }) => all.promptTokens),
      row('completion tokens', ({ all }) => all.completionTokens),
      row('cost of the hung-up quizzes', ({ hungUp }) => hungUp.cost, dollars),
      row('total cost', ({ all }) => all.cost, dollars),
      row('at gpt-4o: the hung-up quizzes', ({ hungUp }) => hungUp.costInFull, dollars),
      row('at gpt-4o: total', ({ all }) => all.costInFull, dollars),
    ],
    [
      "With and without disconnect propagation (DISCONNECT_PROPAGATION=abort, =ignore). Costs and tokens are the ledger's: gpt-4o-mini,",
      `prices of ${PRICES_AS_OF}. On ${stopped.database}; ${number(stopped.seconds)} s and ${number(ignored.seconds)} s.`,
    ],
  );
}

function printMoments(withIt: Books, without: Books): void {
  const [a, b] = [withIt.byMoment(), without.byMoment()];
  const rows = MOMENTS.map((moment) => [
    moment,
    number(a[moment].quizzes),
    ...[a, b].map((side) => number(side[moment].account.calls)),
    ...[a, b].map((side) => dollars(side[moment].account.cost)),
    percentSaved(a[moment].account, b[moment].account),
  ]);
  printTable('By the moment of the hang-up', ['', 'quizzes', 'calls with', 'without', 'cost with', 'without', 'saved'], rows);
}

function percentSaved(a: Account, b: Account): string {
  return `${number((1 - a.cost / b.cost) * 100, 1)} %`;
}

function printComparisons(withIt: Comparison, without: Comparison): void {
  const row = (what: string, of: (comparison: Comparison) => number): Row => [what, number(of(withIt)), number(of(without))];
  printTable(
    "The ledger against the model server's own journal",
    ['', 'with', 'without'],
    [
      row('completed calls, ledger', (each) => each.completedCalls),
      row('found in the journal with the same tokens', (each) => each.journalCalls),
      row('tokens of completed calls, ledger', (each) => each.completedTokens),
      row('tokens of the same calls, journal', (each) => each.journalTokens),
      row('calls cut on the wire', (each) => each.cutCalls),
      row('their tokens, as the ledger estimates them', (each) => each.cutTokens),
      row('their tokens, as the model server sent them', (each) => each.sentTokens),
    ],
  );
  print('');
}

function goalsOf(withIt: Books, comparisons: readonly Comparison[]): Goal[] {
  const differing = comparisons.reduce((sum, { completedCalls, journalCalls }) => sum + completedCalls - journalCalls, 0);
  return [
    { what: 'ledger = journal, for completed calls', goal: 'equal', measured: `${differing} differ`, isMet: differing === 0 },
    { what: 'hang-ups booked as failures', goal: '0', measured: number(withIt.all.failed), isMet: withIt.all.failed === 0 },
  ];
}
