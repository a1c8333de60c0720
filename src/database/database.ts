import { Kysely, PostgresDialect } from 'kysely';
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
