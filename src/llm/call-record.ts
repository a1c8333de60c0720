import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { AbortContext, CancelledError, type AbortFrame, type AbortScope } from '../abort/index.js';
import { Budgets, type Reservation } from './budgets.js';
import { countTokens } from './offline/index.js';
import { LlmCallsRepository, type CallOutcome, type ClosedCall, type NewCall } from './llm-calls.repository.js';
import { PriceTable } from './prices.js';
import { Turns } from './turns.js';

/** What the provider itself counted. */
export interface ExactUsage {
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** The ledger row of one call while it is open. */
export class CallRecord {
  /** True once the request has left for the provider: from then on the prompt is paid. */
  isSent = false;
  exact?: ExactUsage;
  /** What its owner's budget keeps for it, where there is one. */
  reservation?: Reservation;
  #text = '';
  #prompt?: number;

  constructor(
    readonly id: string,
    readonly model: string,
    private readonly countPrompt: () => number,
  ) {}

  /** Counted once, when first asked for. */
  get promptTokens(): number {
    return (this.#prompt ??= this.countPrompt());
  }

  /** Adds a piece of the answer, so that it can be counted if the provider never gets to say its own count. */
  add(text: string): void {
    // Whoever answers has been asked.
    this.isSent = true;
    this.#text += text;
  }

  get hasText(): boolean {
    return this.#text !== '';
  }

  /** The provider's own count where it gave one, else the full prompt and the text that arrived. */
  tokens(): ExactUsage {
    if (this.exact) return this.exact;
    if (!this.isSent) return { promptTokens: 0, completionTokens: 0 };
    return { promptTokens: this.promptTokens, completionTokens: countTokens(this.#text) };
  }
}

/** What the budget does not reach for stops the whole of the work, and not this call alone. */
async function orStop<T>(scope: AbortScope, reserve: () => Promise<T>): Promise<T> {
  try {
    return await reserve();
  } catch (error) {
    if (!(error instanceof CancelledError) || error.abortCause !== 'budget') throw error;
    scope.abort(error);
    throw scope.signal.reason;
  }
}

/** Opens and closes ledger rows. Closing happens in a shield: an abort cannot reach it. */
@Injectable()
export class CallLedger {
  readonly #logger = new Logger('Llm');
  readonly #unpriced = new Set<string>();
  /** Counting takes milliseconds, and a thousand calls may be aborted at once. */
  readonly #turns = new Turns();

  constructor(
    private readonly calls: LlmCallsRepository,
    private readonly context: AbortContext,
    private readonly prices: PriceTable,
    private readonly budgets: Budgets,
  ) {}

  /** Opens the row of a call. Where its owner's budget does not reach for it, the work under way is aborted, and its reason thrown. */
  async open(
    { kind, model }: Pick<NewCall, 'kind' | 'model'>,
    { scope, stage }: AbortFrame,
    promptTokens: () => number,
  ): Promise<CallRecord> {
    const record = new CallRecord(randomUUID(), model, promptTokens);
    const { owner, kind: task_kind, attempt } = scope.labels;
    const task_attempt = attempt === undefined ? undefined : Number(attempt);
    const row = { kind, model, id: record.id, task_id: scope.id, task_kind, task_attempt, stage: stage ?? scope.lastStage ?? 'none' };
    if (this.budgets.isHeld(owner)) {
      record.reservation = await orStop(scope, () => this.budgets.open({ ...row, owner }, record.promptTokens));
    } else await this.calls.open({ ...row, owner });
    return record;
  }

  /** Adds a piece of the answer. Where the budget does not reach for a longer one, the work is aborted, and its reason thrown. */
  async add(record: CallRecord, piece: string, { scope }: AbortFrame): Promise<void> {
    record.add(piece);
    const { reservation } = record;
    const { owner } = scope.labels;
    if (owner === undefined || !reservation?.isShortAfter(piece)) return;
    await orStop(scope, () => this.budgets.extend(record.id, owner, reservation));
  }

  /**
   * Never rejects: an outcome that could not be written is an ERROR in the log and leaves the row open, and changes no answer. The answer of a
   * call that was completed waits for it; the others come a few at a time, because thousands may end at once.
   */
  async close(record: CallRecord, outcome: CallOutcome): Promise<void> {
    const isPatient = outcome !== 'completed';
    try {
      const row = isPatient ? undefined : await this.#rowOf(record, outcome);
      await this.context.shield(async () => this.calls.close(record.id, row ?? (await this.#rowOf(record, outcome))), { isPatient });
    } catch (error) {
      const { promptTokens, completionTokens } = record.tokens();
      const told = { call_id: record.id, outcome, prompt_tokens: promptTokens, completion_tokens: completionTokens };
      this.#logger.error({ err: error, ...told, msg: '[Llm] A call could not be booked, its row stays open' });
    }
  }

  async #rowOf(record: CallRecord, outcome: CallOutcome): Promise<ClosedCall> {
    const isExact = record.exact !== undefined || !record.isSent;
    if (!isExact) await this.#turns.next();
    const tokens = record.tokens();
    const { promptTokens: prompt_tokens, completionTokens: completion_tokens } = tokens;
    return { outcome, prompt_tokens, completion_tokens, is_exact: isExact, ...this.#costOf(record.model, tokens) };
  }

  #costOf(model: string, tokens: ExactUsage): Pick<ClosedCall, 'cost_usd' | 'prices_as_of'> {
    const cost = this.prices.costOf(model, tokens);
    if (cost === undefined && !this.#unpriced.has(model)) {
      this.#unpriced.add(model);
      this.#logger.warn({ model, msg: `[Llm] No price is known for ${model}: its calls are booked at 0 US dollars` });
    }
    return { cost_usd: cost ?? 0, prices_as_of: cost === undefined ? null : this.prices.date };
  }
}
