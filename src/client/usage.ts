import type { UsageReport } from '../usage/usage.dto.js';
import type { Asking, CallOptions } from './asking.js';
import { toQuery } from './page.js';

export type { UsageReport };

export interface UsageOptions extends CallOptions {
  /** A date, which is its first moment in UTC, or a moment. That of 30 days before unless given. */
  readonly from?: string;
  /** That excluded; now unless given. */
  readonly to?: string;
  /** For administrators: whose usage. Everybody's unless given. */
  readonly owner?: string;
}

/** What work has cost. */
export class Usage {
  constructor(private readonly asking: Asking) {}

  /** Tokens and money: spent, wasted on cancelled work and saved by stopping it; by day, kind, cause and stage. */
  report({ from, to, owner, signal }: UsageOptions = {}): Promise<UsageReport> {
    return this.asking.json({ path: `/api/usage${toQuery({ from, to, owner })}`, field: 'spent' }, { signal });
  }
}
