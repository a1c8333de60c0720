import { performance } from 'node:perf_hooks';
import type { PoolClient, QueryResult } from 'pg';
import type { AbortFrame } from '../abort/index.js';
import { skipped } from './aborted-client.js';
import type { Gateway } from './abortable-pool.js';
import type { Cancellation } from './backend-canceller.js';
import { operationOf } from './operation-of.js';
import type { QueryReport } from './query-observer.js';
import { readyForQuery } from './ready-for-query.js';
import { StatementClock } from './statement-clock.js';

const QUERY_CANCELED = '57014';
/** These only end or undo, so they go through whatever the signal says; `commit` is not among them. */
const ALWAYS_ALLOWED = /^\s*(rollback|release|savepoint)\b/i;
/** Once sent, these are too short, and a commit too final, to be cancelled. */
const NOT_CANCELLED = /^\s*(begin|start|commit)\b/i;

const NOTHING_TO_CANCEL = { settle: () => Promise.resolve() };
const ROLLED_BACK: QueryResult = { command: 'ROLLBACK', rowCount: null, oid: 0, fields: [], rows: [] };

/** One pooled connection, as Kysely sees it: every statement stops at the ambient signal. Kysely sends one at a time. */
export class AbortableClient {
  readonly #client: PoolClient;
  readonly #gateway: Gateway;
  readonly #clock: StatementClock;
  #underWay?: Promise<QueryResult>;
  #isAbandoned = false;

  constructor(client: PoolClient, gateway: Gateway) {
    this.#client = client;
    this.#gateway = gateway;
    this.#clock = new StatementClock(client, gateway.statementTimeoutMs);
  }

  /** The backend's pid. Kysely looks for it under this name. */
  get processID(): number | undefined {
    return (this.#client as unknown as { processID?: number }).processID;
  }

  async query(sql: string, parameters: readonly unknown[] = []): Promise<QueryResult> {
    if (ALWAYS_ALLOWED.test(sql)) return await this.#undo(sql);
    const { context } = this.#gateway;
    const frame = context.require('The database');
    this.#look(sql, frame);
    const work = (this.#underWay = this.#run(sql, parameters, frame));
    try {
      return await context.track('database', operationOf(sql), work);
    } finally {
      if (this.#underWay === work && this.#gateway.canceller) this.#isAbandoned = true;
    }
  }

  /**
   * Back to the pool. Not so where a statement still runs that its caller was let go from: the next one would wait behind it and be
   * hit by its cancel, so that connection is closed. The embedded database has but one and cancels nothing: there the next one waits.
   * A connection goes back with the server's own timeout, or not at all.
   */
  release(error?: Error | boolean): void {
    const isBroken = this.#isAbandoned || error;
    const resetting = isBroken ? undefined : this.#clock.reset();
    if (!resetting) this.#client.release(isBroken);
    else
      resetting.then(
        () => this.#client.release(),
        () => this.#client.release(true),
      );
  }

  /** After the statement under way and its cancel. Behind an abandoned one nothing can be sent: closing the connection undoes all. */
  async #undo(sql: string): Promise<QueryResult> {
    await (this.#isAbandoned ? undefined : this.#underWay?.catch(() => undefined));
    if (this.#isAbandoned) return ROLLED_BACK;
    const result = await this.#client.query(sql);
    this.#clock.after(sql);
    return result;
  }

  /** Throws where nobody wants the statement any more. Returns the signal, for who listens to it without another look. */
  #look(sql: string, frame: AbortFrame): AbortSignal {
    const { signal } = frame.scope;
    if (signal.aborted) throw skipped(sql, frame, this.#gateway);
    return signal;
  }

  async #run(sql: string, parameters: readonly unknown[], frame: AbortFrame): Promise<QueryResult> {
    try {
      const setting = this.#clock.before(sql, frame);
      if (setting) await setting;
      return await this.#send(sql, parameters, frame);
    } finally {
      this.#underWay = undefined;
    }
  }

  async #send(sql: string, parameters: readonly unknown[], frame: AbortFrame): Promise<QueryResult> {
    const guard = this.#guard(sql, this.#look(sql, frame), frame);
    const startedAt = performance.now();
    try {
      const result = await this.#clock.send(sql, parameters, frame);
      this.#clock.after(sql);
      this.#report(sql, frame, startedAt, 'completed');
      return result;
    } catch (error) {
      // The scope is looked at again: at the deadline the server may be quicker than any timer here.
      const { signal } = frame.scope;
      const isConfirmed = (error as { code?: unknown }).code === QUERY_CANCELED && signal.aborted;
      if (isConfirmed) await readyForQuery(this.#client);
      this.#report(sql, frame, startedAt, isConfirmed ? 'cancelled' : 'failed', isConfirmed);
      throw isConfirmed ? signal.reason : error;
    } finally {
      await guard.settle();
    }
  }

  /** Watches the signal while a statement runs. Settling waits for a cancel under way, which could else hit the next statement. */
  #guard(sql: string, signal: AbortSignal, frame: AbortFrame): { settle(): Promise<void> } {
    const { canceller, context } = this.#gateway;
    const pid = this.processID;
    if (!canceller || pid === undefined || NOT_CANCELLED.test(sql)) return NOTHING_TO_CANCEL;
    let cancellation: Cancellation | undefined;
    const onAbort = (): void => {
      cancellation = canceller.cancel(pid);
      context.announce('cancelling query', undefined, frame);
    };
    signal.addEventListener('abort', onAbort, { once: true });
    return {
      settle: async () => {
        signal.removeEventListener('abort', onAbort);
        await cancellation?.settle();
      },
    };
  }

  #report(sql: string, frame: AbortFrame, startedAt: number, outcome: QueryReport['outcome'], isConfirmed = false): void {
    const { scope, stage, kind } = frame;
    const endedAt = performance.now();
    this.#gateway.observer.observe({ sql, scopeId: scope.id, stage, kind, startedAt, endedAt, outcome, isConfirmed });
  }
}
