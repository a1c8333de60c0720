import { QueryObserver, type QueryReport } from '../../src/database/index.js';
import type { Work } from '../../src/testing/index.js';

/** Every statement that came to the gateway, in order of its end. */
export class QueryJournal extends QueryObserver {
  readonly reports: QueryReport[] = [];
  /** For `expectNoWorkAfter`: the statements of requests and tasks that were sent. */
  readonly witnesses = {
    statement: (): Work[] => this.liveSince(-Infinity).map(({ sql, startedAt }) => ({ name: sql, at: startedAt })),
  };

  observe(report: QueryReport): void {
    this.reports.push(report);
  }

  clear(): void {
    this.reports.length = 0;
  }

  /** Statements of requests and tasks that were sent at or after a moment (`performance.now()`). */
  liveSince(moment: number): QueryReport[] {
    return this.reports.filter(({ kind, outcome, startedAt }) => kind === 'live' && outcome !== 'skipped' && startedAt >= moment);
  }
}
