import type { JournalEntry } from './journal-model.js';

/** A row of the ledger, with what became of its task. */
export interface LedgerRow {
  readonly id: string;
  readonly task_id: string;
  readonly stage: string;
  readonly kind: string;
  readonly outcome: string;
  readonly is_exact: boolean;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly cost_usd: string;
  readonly is_cancelled: boolean;
}

/** What was counted for a call here and there. */
interface Counted {
  readonly row: LedgerRow;
  readonly call: Pick<JournalEntry, 'promptTokens' | 'completionTokens'>;
}

interface Pair extends Counted {
  readonly call: JournalEntry;
}

/** The ledger beside the journal of the model, call by call: calls of one stage of one task follow each other. */
export class ComparedBooks {
  readonly pairs: readonly Pair[];
  /** Rows of calls that are said to have been sent, and that the model knows nothing of. */
  readonly unheard: readonly LedgerRow[];
  /** Calls that reached the model, and have no row. */
  readonly unbooked: readonly JournalEntry[];

  constructor(ledger: readonly LedgerRow[], journal: readonly JournalEntry[]) {
    const calls = Map.groupBy(journal, ({ task, stage, kind }) => `${task} ${stage} ${kind}`);
    const pairs: Pair[] = [];
    const unheard: LedgerRow[] = [];
    for (const row of ledger.filter(wasSent)) {
      const call = calls.get(`${row.task_id} ${row.stage} ${row.kind}`)?.shift();
      if (call) pairs.push({ row, call });
      else unheard.push(row);
    }
    [this.pairs, this.unheard, this.unbooked] = [pairs, unheard, [...calls.values()].flat()];
  }

  /** Calls of which the provider told its own count, and that are booked with another. */
  get misbooked(): Pair[] {
    return this.pairs.filter(
      ({ row, call }) => row.is_exact && (row.prompt_tokens !== call.promptTokens || row.completion_tokens !== call.completionTokens),
    );
  }

  /** What was counted here, because nobody told, beside what the model had received and sent. */
  get estimate(): Estimate {
    const unheard = this.unheard.map((row) => ({ row, call: { promptTokens: 0, completionTokens: 0 } }));
    return new Estimate([...this.pairs, ...unheard].filter(({ row }) => !row.is_exact));
  }
}

/** How far off the counting is of calls that were cut. */
export class Estimate {
  constructor(private readonly pairs: readonly Counted[]) {}

  get calls(): number {
    return this.pairs.length;
  }

  get booked(): number {
    return this.pairs.reduce((sum, { row }) => sum + row.prompt_tokens + row.completion_tokens, 0);
  }

  get counted(): number {
    return this.pairs.reduce((sum, { call }) => sum + call.promptTokens + call.completionTokens, 0);
  }

  /** 0.01 for one per cent too much. */
  get error(): number {
    return this.counted === 0 ? 0 : this.booked / this.counted - 1;
  }

  /** The same of what models have written alone, of which something may have been on its way when a call was cut. */
  get completionError(): number {
    const booked = this.pairs.reduce((sum, { row }) => sum + row.completion_tokens, 0);
    const counted = this.pairs.reduce((sum, { call }) => sum + call.completionTokens, 0);
    return counted === 0 ? 0 : booked / counted - 1;
  }

  /** Tokens too many or too few, call by call, the smallest first. */
  get differences(): number[] {
    const off = this.pairs.map(({ row, call }) => row.prompt_tokens + row.completion_tokens - call.promptTokens - call.completionTokens);
    return off.sort((a, b) => a - b);
  }
}

/** A call that was not sent is booked exactly, with nothing. */
export function wasSent({ is_exact, prompt_tokens }: LedgerRow): boolean {
  return !is_exact || prompt_tokens > 0;
}
