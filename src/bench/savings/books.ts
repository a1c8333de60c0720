import { costOf } from '../../llm/index.js';
import { sum } from '../harness/statistics.js';
import type { JournalEntry } from './journalling-model.js';
import type { LedgerRow } from './ledger.repository.js';
import { MOMENTS, type Moment } from './plan.js';
import type { Replay } from './replay.js';

const IN_FULL = 'gpt-4o';

/** What a ledger says of some calls. */
export interface Account {
  readonly calls: number;
  readonly cut: number;
  readonly failed: number;
  readonly promptTokens: number;
  readonly completionTokens: number;
  readonly cost: number;
  /** The same chat tokens at the price of the larger model. */
  readonly costInFull: number;
}

/** The books of one replay: as the ledger has them, split by what became of the quiz. */
export class Books {
  readonly all: Account;
  readonly hungUp: Account;
  readonly #replay: Replay;
  readonly #hungUpRows: readonly LedgerRow[];

  constructor(replay: Replay) {
    const answered = new Set(replay.outcomes.map((outcome) => (outcome === 'hung up' ? undefined : outcome.taskId)));
    this.#replay = replay;
    this.#hungUpRows = replay.ledger.filter(({ task_id }) => !answered.has(task_id));
    this.all = accountOf(replay.ledger);
    this.hungUp = accountOf(this.#hungUpRows);
  }

  /** The hung-up quizzes by the moment when it happened. A task that no call reached the model for can only have been the first. */
  byMoment(): Record<Moment, { readonly quizzes: number; readonly account: Account }> {
    const { plan, journal, outcomes } = this.#replay;
    const quizOf = new Map(journal.map(({ task, quiz }) => [task, quiz]));
    const momentOf = ({ task_id }: LedgerRow): Moment => plan[quizOf.get(task_id) ?? -1]?.hangUp?.moment ?? MOMENTS[0];
    const split = (moment: Moment) => ({
      quizzes: plan.filter(({ index, hangUp }) => hangUp?.moment === moment && outcomes[index] === 'hung up').length,
      account: accountOf(this.#hungUpRows.filter((row) => momentOf(row) === moment)),
    });
    return Object.fromEntries(MOMENTS.map((moment) => [moment, split(moment)])) as ReturnType<Books['byMoment']>;
  }

  /** The ledger against the model server's own journal, call by call. */
  compare(): Comparison {
    const entries = Map.groupBy(this.#replay.journal, keyOf);
    const completed = this.#replay.ledger.filter(({ outcome }) => outcome === 'completed');
    const found = completed.flatMap((row) => take(entries.get(keyOf(toEntry(row))), ({ outcome }) => outcome === 'completed') ?? []);
    const left = new Map([...entries.values()].flat().map((entry) => [`${entry.task} ${entry.kind}`, entry]));
    const cut = this.#replay.ledger.filter(({ outcome, is_exact }) => outcome === 'aborted' && !is_exact);
    const sent = cut.flatMap(({ task_id, kind }) => left.get(`${task_id} ${kind}`) ?? []);
    return {
      completedCalls: completed.length,
      completedTokens: sum(completed.map((row) => tokensOf(toEntry(row)))),
      journalCalls: found.length,
      journalTokens: sum(found.map(tokensOf)),
      cutCalls: cut.length,
      cutTokens: sum(cut.map((row) => tokensOf(toEntry(row)))),
      sentTokens: sum(sent.map(tokensOf)),
    };
  }
}

export interface Comparison {
  /** Calls that the ledger has as completed, and those of them that the journal has too, with the very same tokens. */
  readonly completedCalls: number;
  readonly completedTokens: number;
  readonly journalCalls: number;
  readonly journalTokens: number;
  /** Calls that were cut on the wire: what the ledger estimates of them, and what the model server had received and sent. */
  readonly cutCalls: number;
  readonly cutTokens: number;
  readonly sentTokens: number;
}

type Counted = Pick<JournalEntry, 'task' | 'kind' | 'promptTokens' | 'completionTokens'>;

function accountOf(rows: readonly LedgerRow[]): Account {
  return {
    calls: rows.length,
    cut: rows.filter(({ outcome }) => outcome === 'aborted').length,
    failed: rows.filter(({ outcome }) => outcome !== 'aborted' && outcome !== 'completed').length,
    promptTokens: sum(rows.map((row) => row.prompt_tokens)),
    completionTokens: sum(rows.map((row) => row.completion_tokens)),
    cost: sum(rows.map((row) => Number(row.cost_usd))),
    costInFull: sum(rows.map(costInFullOf)),
  };
}

function costInFullOf({ kind, cost_usd, prompt_tokens: promptTokens, completion_tokens: completionTokens }: LedgerRow): number {
  return kind === 'chat' ? (costOf(IN_FULL, { promptTokens, completionTokens }) ?? Number.NaN) : Number(cost_usd);
}

function toEntry({ task_id: task, kind, prompt_tokens: promptTokens, completion_tokens: completionTokens }: LedgerRow): Counted {
  return { task, kind: kind as Counted['kind'], promptTokens, completionTokens };
}

function keyOf({ task, kind, promptTokens, completionTokens }: Counted): string {
  return `${task} ${kind} ${promptTokens} ${completionTokens}`;
}

function tokensOf({ promptTokens, completionTokens }: Counted): number {
  return promptTokens + completionTokens;
}

/** Takes the first item that fits out of the list. */
function take<T>(items: T[] | undefined, fits: (item: T) => boolean): T | undefined {
  const index = items?.findIndex(fits) ?? -1;
  return index < 0 ? undefined : items?.splice(index, 1)[0];
}
