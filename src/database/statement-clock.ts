import type { PoolClient, QueryResult } from 'pg';
import type { AbortFrame } from '../abort/index.js';

/** A transaction's timeout that is so much too long is let be: the server is the backstop, and this process cancels on time. */
const TOLERANCE_MS = 100;
/** A text that begins a transaction and does nothing else. */
const BEGIN = /^\s*(begin|start\s+transaction)\b[^;]*$/i;
const END = /^\s*(commit|rollback(?!\s+to))\b/i;
const ROLLBACK_TO = /^\s*rollback\s+to\b/i;

/**
 * Has the server end a statement at the deadline of its work by itself, also where this process is frozen or gone by then: one
 * connection's `statement_timeout`. Work without a deadline, and books in a shield, keep the server's own, and cost nothing more.
 *
 * In a transaction the timeout is local to it, and goes out together with its `begin`. Outside of one it is the session's, set before
 * the statement and reset before the connection goes back to the pool.
 */
export class StatementClock {
  readonly #client: PoolClient;
  readonly #longestMs: number;
  #isInTransaction = false;
  /** Something has been set in this transaction. */
  #isTouched = false;
  /** What the server goes by at present. */
  #timeoutMs = Infinity;

  /** `statementTimeoutMs`: what the server ends any statement after, 0 for never; `undefined` for a server that ends none. */
  constructor(client: PoolClient, statementTimeoutMs: number | undefined) {
    this.#client = client;
    this.#longestMs = statementTimeoutMs === undefined ? 0 : statementTimeoutMs || Infinity;
  }

  /** What is to be sent before this statement, `undefined` for nothing: then it may go out at once. */
  before(sql: string, frame: AbortFrame): Promise<unknown> | undefined {
    if (BEGIN.test(sql) || END.test(sql)) return undefined;
    const wanted = this.#wantedBy(frame);
    if (this.#timeoutMs === wanted || (wanted <= this.#timeoutMs && this.#timeoutMs <= wanted + this.#toleranceMs)) return undefined;
    return this.#client.query(this.#setting(wanted)).then(() => this.#note(wanted));
  }

  /** Sends a statement, and with a `begin` the timeout of its transaction. */
  async send(sql: string, parameters: readonly unknown[], frame: AbortFrame): Promise<QueryResult> {
    if (!BEGIN.test(sql)) return await this.#client.query(sql, [...parameters]);
    const wanted = this.#wantedBy(frame);
    this.#isInTransaction = true;
    if (wanted === Infinity) return await this.#client.query(sql);
    // Two statements are answered by two results.
    const both = (await this.#client.query(`${sql}; ${this.#setting(wanted)}`)) as unknown as [QueryResult, QueryResult];
    this.#note(wanted);
    return both[0];
  }

  /** A statement has been sent that may have ended a transaction, or taken back what was set in it. */
  after(sql: string): void {
    if (END.test(sql)) this.#forget();
    // The savepoint may be older than what was set.
    else if (ROLLBACK_TO.test(sql) && this.#isTouched) this.#timeoutMs = Number.NaN;
  }

  /** Gives the next user of the connection the server's own timeout; `undefined` where it has it. Rejects where that could not be. */
  reset(): Promise<unknown> | undefined {
    const isOwn = this.#timeoutMs === Infinity;
    this.#forget();
    return isOwn ? undefined : this.#client.query('reset statement_timeout');
  }

  #note(timeoutMs: number): void {
    this.#timeoutMs = timeoutMs;
    this.#isTouched = true;
  }

  #forget(): void {
    this.#timeoutMs = Infinity;
    this.#isInTransaction = this.#isTouched = false;
  }

  get #toleranceMs(): number {
    return this.#isInTransaction ? TOLERANCE_MS : 0;
  }

  /** In whole milliseconds, and one more: the server must not be early. `Infinity` stands for the server's own. */
  #wantedBy({ scope, kind }: AbortFrame): number {
    const { remainingMs } = scope;
    return kind === 'live' && remainingMs < this.#longestMs ? Math.ceil(remainingMs) + 1 : Infinity;
  }

  #setting(ms: number): string {
    const local = this.#isInTransaction ? 'local ' : '';
    return ms === Infinity ? `set ${local}statement_timeout to default` : `set ${local}statement_timeout = ${ms}`;
  }
}
