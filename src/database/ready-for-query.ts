import { once } from 'node:events';
import type { PoolClient } from 'pg';

/**
 * Resolves when the server is ready for the next statement on this connection, or the connection is gone. PostgreSQL sends an error
 * before it has undone what failed: until it is ready again the statement is still active, and its locks are held.
 */
export async function readyForQuery(client: PoolClient): Promise<void> {
  if ((client as unknown as { readyForQuery?: boolean }).readyForQuery !== false) return;
  const enough = new AbortController();
  try {
    await Promise.race([once(client, 'drain', enough), once(client, 'end', enough)]);
  } catch {
    // The connection broke, and its server process ends with it.
  } finally {
    enough.abort();
  }
}
