import { Inject, Injectable } from '@nestjs/common';
import type { User } from '../auth/index.js';
import { APP_CONFIG, type AppConfig } from '../config/index.js';
import { Budgets, PriceTable } from '../llm/index.js';
import { DomainError } from '../problems/index.js';
import { breakdownsOf, inDollars, totalOf } from './tally.js';
import { periodOf, type UsageQuery, type UsageReport } from './usage.dto.js';
import { UsageRepository } from './usage.repository.js';

const DAY_MS = 86_400_000;

/** What work has cost, what of that was in vain, and what was not spent because it was stopped. */
@Injectable()
export class UsageService {
  readonly #retentionMs: number;

  constructor(
    @Inject(APP_CONFIG) { tasks }: AppConfig,
    private readonly usage: UsageRepository,
    private readonly prices: PriceTable,
    private readonly budgets: Budgets,
  ) {
    this.#retentionMs = tasks.retentionDays * DAY_MS;
  }

  /**
   * The usage of this user alone; for an administrator, that of anybody or of everybody. Means, too, are of the same people's calls alone.
   * Throws `admin_required` where somebody else's is asked for: the same whether there is such a user or not.
   */
  async report(user: User, query: UsageQuery): Promise<UsageReport> {
    const owner = ownerOf(user, query.owner);
    const { from, to } = periodOf(query);
    const books = await this.usage.books({ owner, from, to });
    return {
      from: from.toISOString(),
      to: to.toISOString(),
      owner: owner ?? null,
      prices_as_of: this.prices.date,
      budget: owner === undefined ? null : await this.#budgetOf(owner),
      history_since: new Date(Date.now() - this.#retentionMs).toISOString(),
      ...totalOf(books),
      ...breakdownsOf(books),
    };
  }

  async #budgetOf(owner: string): Promise<UsageReport['budget']> {
    const standing = await this.budgets.standingOf(owner);
    if (!standing) return null;
    const { perDayUsd, spentUsd, reservedUsd } = standing;
    const left = Math.max(0, perDayUsd - spentUsd - reservedUsd);
    return { usd_per_day: perDayUsd, spent_usd: inDollars(spentUsd), reserved_usd: inDollars(reservedUsd), left_usd: inDollars(left) };
  }
}

function ownerOf({ id, isAdmin }: User, asked: string | undefined): string | undefined {
  if (isAdmin || asked === id) return asked;
  if (asked === undefined) return id;
  throw new DomainError('admin_required', "Only a token with the scope hangup:admin may see somebody else's usage. Leave out `owner`.");
}
