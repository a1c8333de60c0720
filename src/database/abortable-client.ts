import { performance } from 'node:perf_hooks';
import type { PoolClient, QueryResult } from 'pg';
import type { AbortFrame } from '../abort/index.js';
import type { Gateway } from './abortable-pool.js';
import type { Cancellation } from './backend-canceller.js';
import type { QueryReport } from './query-observer.js';

const QUERY_CANCELED = '57014';
/** These only end or undo, so they go through whatever the signal says; `commit` is not among them. */
const ALWAYS_ALLOWED = /^\s*(rollback|release|savepoint)\b/i;
/** Once sent, these are too short, and a commit too final, to be cancelled. */
const NOT_CANCELLED = /^\s*(begin|start|commit)\b/i;

const NOTHING_TO_CANCEL = { settle: () => Promise.resolve() };

/** One pooled connection, as Kysely sees it: every statement stops at the ambient signal. */
export class AbortableClient {
  readonly #client: PoolClient;
  readonly #gateway: Gateway;

  constructor(client: PoolClient, gateway: Gateway) {
    this.#client = client;
    this.#gateway = gateway;
  }

  /** The backend's pid. Kysely looks for it under this name. */
  get processID(): number | undefined {
    return (this.#client as unknown as { processID?: number }).processID;
  }

  async query(sql: string, parameters: readonly unknown[] = []): Promise<QueryResult> {
    if (ALWAYS_ALLOWED.test(sql)) return await this.#client.query(sql);
    const { context } = this.#gateway;
    const frame = context.require('The database');
    this.#look(sql, frame);
    return await context.track('database', operationOf(sql), this.#run(sql, parameters, frame));
  }

  release(error?: Error | boolean): void {
    this.#client.release(error);
  }

  #look(sql: string, frame: AbortFrame): void {
    if (frame.scope.signal.aborted) this.#report(sql, frame, performance.now(), 'skipped');
    this.#gateway.context.checkpoint(undefined, 'skipping query');
  }

  async #run(sql: string, parameters: readonly unknown[], frame: AbortFrame): Promise<QueryResult> {
    const startedAt = performance.now();
    const { signal } = frame.scope;
    const guard = this.#guard(sql, frame);
    try {
      const result = await this.#client.query(sql, [...parameters]);
      this.#report(sql, frame, startedAt, 'completed');
      return result;
    } catch (error) {
      const isConfirmed = (error as { code?: unknown }).code === QUERY_CANCELED && signal.aborted;
      this.#report(sql, frame, startedAt, isConfirmed ? 'cancelled' : 'failed', isConfirmed);
      throw isConfirmed ? signal.reason : error;
    } finally {
      await guard.settle();
    }
  }

  /** Watches the signal while a statement runs. Settling waits for a cancel under way, which could else hit the next statement. */
  #guard(sql: string, frame: AbortFrame): { settle(): Promise<void> } {
    const { canceller, context } = this.#gateway;
    const pid = this.processID;
    if (!canceller || pid === undefined || NOT_CANCELLED.test(sql)) return NOTHING_TO_CANCEL;
    const { signal } = frame.scope;
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

/** `select passages`, `insert llm_calls`: the verb and the first table, for receipts and logs. */
export function operationOf(sql: string): string {
  const verb = /^\s*(?:with\b.*?\)\s*)?(\w+)/is.exec(sql)?.[1]?.toLowerCase() ?? 'query';
  const table = /\b(?:from|into|update)\s+"?(\w+)"?/i.exec(sql)?.[1];
  return table ? `${verb} ${table}` : verb;
}
