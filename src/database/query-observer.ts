/** What became of one statement at the gateway. */
export interface QueryReport {
  readonly sql: string;
  /** The id of the work that it belonged to, and its stage. */
  readonly scopeId: string;
  readonly stage: string | undefined;
  /** `shield` and `detached` statements run beyond the abort of a request, on purpose. */
  readonly kind: 'live' | 'shield' | 'detached';
  /** `performance.now()`; `skipped` statements were never sent. */
  readonly startedAt: number;
  readonly endedAt: number;
  readonly outcome: 'completed' | 'failed' | 'cancelled' | 'skipped';
  /** With `cancelled`: the server itself said that it stopped the statement (SQLSTATE 57014). */
  readonly isConfirmed: boolean;
}

/** Told of every statement that comes to the gateway, sent or not. For tests, metrics and traces. */
export abstract class QueryObserver {
  abstract observe(report: QueryReport): void;
}

/** The default: nobody looks. */
export class SilentQueryObserver extends QueryObserver {
  observe(): void {
    // Statements are not recorded unless an observer is bound.
  }
}
