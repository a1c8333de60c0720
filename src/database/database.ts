import { Kysely, PostgresDialect, type Transaction } from 'kysely';
import { AbortablePool, type Gateway } from './abortable-pool.js';
import type { Connection } from './connect.js';
import type { Schema } from './schema.js';

/**
 * Kysely over the abortable gateway. A statement that any repository runs looks at the ambient signal first and rejects with its
 * reason; one in flight is cancelled on PostgreSQL, and its promise settles only once the server has stopped. On the embedded
 * database, which cannot be interrupted, a statement in flight runs to its end.
 */
export class Database extends Kysely<Schema> {
  /** The pool and the server behind it. */
  readonly source: Connection;

  constructor(source: Connection, gateway: Gateway) {
    super({ dialect: new PostgresDialect({ pool: new AbortablePool(source.pool, gateway) }) });
    this.source = source;
  }
}

/** A transaction under way: what is written through it commits together. */
export type Tx = Transaction<Schema>;

/** The same tables over connections that are kept for cancels and ends, so that these never wait behind a slow query of a feature. */
export class ReservedDatabase extends Kysely<Schema> {
  constructor({ reserved }: Connection, gateway: Gateway) {
    super({ dialect: new PostgresDialect({ pool: new AbortablePool(reserved, gateway) }) });
  }
}

/** The same tables over the one connection that is the heartbeat's. */
export class HeartbeatDatabase extends Kysely<Schema> {
  constructor({ heartbeat }: Connection, gateway: Gateway) {
    super({ dialect: new PostgresDialect({ pool: new AbortablePool(heartbeat, gateway) }) });
  }
}
