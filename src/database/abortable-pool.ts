import type { PostgresPool, PostgresPoolClient } from 'kysely';
import type { Pool, PoolClient } from 'pg';
import { whenAborted, type AbortContext, type AbortFrame } from '../abort/index.js';
import { AbortableClient } from './abortable-client.js';
import { AbortedClient } from './aborted-client.js';
import type { BackendCanceller } from './backend-canceller.js';
import type { QueryObserver } from './query-observer.js';

/** What the gateway needs to know of the database behind it. */
export interface Gateway {
  readonly context: AbortContext;
  /** Absent where the database has nobody who could cancel a running statement: embedded PGlite. */
  readonly canceller?: BackendCanceller;
  /** What the server ends any statement after; 0 for never. Absent where it ends none: embedded PGlite. */
  readonly statementTimeoutMs?: number;
  readonly observer: QueryObserver;
}

/**
 * The only way to the database. It stands below Kysely, so that no statement can be written that goes round it: each looks at the
 * ambient signal before it is sent, in and out of transactions, and is cancelled on the server while it runs. Waiting for a free
 * connection ends at once on abort. Outside any abort scope it throws `OutsideAbortScopeError`.
 */
export class AbortablePool implements PostgresPool {
  readonly #pool: Pool;
  readonly #gateway: Gateway;
  readonly #clients = new WeakMap<PoolClient, AbortableClient>();

  constructor(pool: Pool, gateway: Gateway) {
    this.#pool = pool;
    this.#gateway = gateway;
  }

  async connect(): Promise<PostgresPoolClient> {
    const frame = this.#gateway.context.require('The database');
    const client = frame.scope.signal.aborted ? undefined : await this.#acquire(frame);
    const wrapped = client ? this.#wrap(client) : new AbortedClient(frame, this.#gateway);
    return wrapped as unknown as PostgresPoolClient;
  }

  async end(): Promise<void> {
    await this.#pool.end();
  }

  /** Kysely reads these when it makes connections of its own. */
  get options(): object {
    return (this.#pool as unknown as { options: object }).options;
  }

  #wrap(client: PoolClient): AbortableClient {
    const known = this.#clients.get(client);
    if (known) return known;
    const wrapped = new AbortableClient(client, this.#gateway);
    this.#clients.set(client, wrapped);
    return wrapped;
  }

  /** Waits for a free connection no longer than the work is wanted. One that comes too late goes straight back. */
  #acquire(frame: AbortFrame): Promise<PoolClient | undefined> {
    const { signal } = frame.scope;
    return new Promise((resolve, reject) => {
      const letGo = whenAborted(signal, () => resolve(undefined));
      this.#pool.connect().then(
        (client) => {
          letGo();
          if (signal.aborted) client.release();
          else resolve(client);
        },
        (error: unknown) => {
          letGo();
          reject(error);
        },
      );
    });
  }
}
