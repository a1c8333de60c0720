import { costOf } from '../llm/index.js';

/** One LLM call as it stands in the ledger. */
export interface BookedCall {
  readonly stage: string;
  readonly outcome: string;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly is_exact: boolean;
}

const PRICED_AS = 'gpt-4o-mini';

/** What one task cost. */
export class Bill {
  constructor(readonly calls: readonly BookedCall[]) {}

  get promptTokens(): number {
    return this.calls.reduce((sum, { prompt_tokens }) => sum + prompt_tokens, 0);
  }

  get completionTokens(): number {
    return this.calls.reduce((sum, { completion_tokens }) => sum + completion_tokens, 0);
  }

  /** US dollars that the same tokens cost at the list price of gpt-4o-mini: the offline model is free. */
  get dollars(): number {
    return costOf(PRICED_AS, this) ?? 0;
  }

  /** The stages that this task paid for and the other one did not. */
  stagesBeyond(other: Bill): string[] {
    return this.calls.map(({ stage }) => stage).filter((stage) => !other.calls.some((call) => call.stage === stage));
  }
}
