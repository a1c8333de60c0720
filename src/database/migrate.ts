import type { Kysely } from 'kysely';
import { Migrator } from 'kysely/migration';
import { DatabaseStartError } from './database.errors.js';
import { migrations } from './migrations/index.js';
import type { Schema } from './schema.js';

/** Brings the schema up to date. Instances that start at once wait for each other on Kysely's advisory lock. */
export async function migrate(db: Kysely<Schema>): Promise<readonly string[]> {
  const migrator = new Migrator({ db, provider: { getMigrations: () => Promise.resolve(migrations) } });
  const { error, results } = await migrator.migrateToLatest();
  if (error) throw new DatabaseStartError(`The schema could not be brought up to date: ${hintOf(error)}`, { cause: error });
  return (results ?? []).map(({ migrationName }) => migrationName);
}

function hintOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.includes('extension "vector"') ? `${message} (install pgvector on the server)` : message;
}
