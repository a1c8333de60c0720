import { sql } from 'kysely';
import { AbortContext } from '../../src/abort/index.js';
import { Database } from '../../src/database/index.js';
import type { TestApp } from './test-app.js';

/** What a statement answers in the database of an app, on either kind of database. */
export async function rowsOf<T = Record<string, unknown>>({ app }: TestApp, statement: string): Promise<T[]> {
  const query = sql.raw<T>(statement);
  const { rows } = await app.get(AbortContext).detached('a test looks', () => query.execute(app.get(Database)));
  return rows;
}
