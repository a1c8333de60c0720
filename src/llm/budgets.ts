import { Inject, Injectable } from '@nestjs/common';
import { CancelledError } from '../abort/index.js';
import { APP_CONFIG, type AppConfig } from '../config/index.js';
import type { Tx } from '../database/index.js';
import { BudgetsRepository, type Used } from './budgets.repository.js';
import type { NewCall } from './llm-calls.repository.js';
import { PriceTable } from './prices.js';
import { countTokens } from './offline/index.js';

/** An answer asks for more while this part of what was reserved for it is still left: a provider is ahead of what has arrived. */
const MARGIN = 8;

/** What is kept of the budget for the answer of one call. */
export class Reservation {
  #left: number;

  constructor(
    /** Reserved at first, and again whenever the answer comes near to the end of it. */
    private readonly tokens: number,
    /** What so many cost, in US dollars. */
    readonly costUsd: number,
  ) {
    this.#left = tokens;
  }

  /** Counts a piece of the answer. True where more has to be reserved before the next one. */
  isShortAfter(piece: string): boolean {
    this.#left -= countTokens(piece);
    return this.#left < this.tokens / MARGIN;
  }

  /** As much again has been reserved. */
  extend(): void {
    this.#left += this.tokens;
  }
}

/** What somebody may spend on a day, and has. In US dollars. */
export interface Standing extends Used {
  readonly perDayUsd: number;
}

/**
 * What each owner may spend on a day, in UTC. A call is reserved before it is sent, at the price of its prompt and of an answer of
 * `BUDGET_ANSWER_TOKENS`, and settled by its row in the ledger when it closes: nothing is kept beside the ledger that could drift from it.
 * Models without a known price cost nothing here, and work that has no owner is not held to it.
 */
@Injectable()
export class Budgets {
  readonly #perDayUsd?: number;
  readonly #answerTokens: number;

  constructor(
    @Inject(APP_CONFIG) { budget }: AppConfig,
    private readonly rows: BudgetsRepository,
    private readonly prices: PriceTable,
  ) {
    this.#perDayUsd = budget.usdPerDay;
    this.#answerTokens = budget.answerTokens;
  }

  /** Are calls of this owner held to a budget? */
  isHeld(owner: string | undefined): owner is string {
    return this.#perDayUsd !== undefined && owner !== undefined;
  }

  /**
   * Opens the row of a call together with what is reserved for it. Throws the reason to stop with where that would pass the budget:
   * calls of one owner wait for each other here, so that they cannot pass it together.
   */
  async open(call: NewCall & { readonly owner: string }, promptTokens: number): Promise<Reservation> {
    const answerTokens = call.kind === 'chat' ? this.#answerTokens : 0;
    const costUsd = this.prices.costOf(call.model, { promptTokens, completionTokens: answerTokens }) ?? 0;
    if (!(await this.rows.open(call, costUsd, this.#limit))) throw this.#exhausted();
    const more = this.prices.costOf(call.model, { promptTokens: 0, completionTokens: answerTokens }) ?? 0;
    return new Reservation(answerTokens, more);
  }

  /** Reserves as much again for an answer that grows. Throws as `open` does. */
  async extend(callId: string, owner: string, reservation: Reservation): Promise<void> {
    if (!(await this.rows.extend(callId, owner, reservation.costUsd, this.#limit))) throw this.#exhausted();
    reservation.extend();
  }

  /** Throws the reason to stop with where nothing is left for a new task of this owner. */
  async admit(tx: Tx, owner: string): Promise<void> {
    if (!this.isHeld(owner)) return;
    const { spentUsd, reservedUsd } = await this.rows.usedToday(owner, tx);
    if (spentUsd + reservedUsd >= this.#limit) throw this.#exhausted();
  }

  /** `undefined` where there is no budget. */
  async standingOf(owner: string): Promise<Standing | undefined> {
    if (!this.isHeld(owner)) return undefined;
    return { perDayUsd: this.#limit, ...(await this.rows.usedToday(owner)) };
  }

  get #limit(): number {
    return this.#perDayUsd ?? Infinity;
  }

  #exhausted(): CancelledError {
    const reason = `The budget of ${this.#limit} US dollars a day does not reach for this. The next day begins at 00:00 UTC.`;
    return new CancelledError('budget', { reason });
  }
}
