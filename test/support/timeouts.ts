import type { PoolClient } from 'pg';
import { Database } from '../../src/database/index.js';
import type { TestApp } from './test-app.js';

/** The `statement_timeout` of every connection of the features that there is, in milliseconds, as its next user would find it. */
export async function timeoutsOf({ app }: TestApp): Promise<string[]> {
  const { pool } = app.get(Database).source;
  const clients: PoolClient[] = [];
  while (pool.idleCount > 0) clients.push(await pool.connect());
  try {
    return await Promise.all(clients.map(timeoutOf));
  } finally {
    for (const client of clients) client.release();
  }
}

async function timeoutOf(client: PoolClient): Promise<string> {
  const { rows } = await client.query<{ setting: string }>(`select setting from pg_settings where name = 'statement_timeout'`);
  return rows[0]?.setting ?? '';
}
