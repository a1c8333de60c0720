import { sql, type Kysely } from 'kysely';
import { Migrator, type Migration } from 'kysely/migration';
import { DatabaseStartError } from './database.errors.js';
import { migrations } from './migrations/index.js';
import type { Schema } from './schema.js';

type Migrations = Readonly<Record<string, Migration>>;

/** Kysely's own table. The first release looks into it, and does not start where it finds a migration that it does not know. */
const FIRST_HISTORY = 'kysely_migration';
/** What later releases have run, so that the first one can be gone back to. */
const HISTORY = 'hangup_migration';

/** What `FIRST_HISTORY` holds, for ever. */
const OF_FIRST_RELEASE = new Set(['0001-quiz-backend']);

/**
 * Brings the schema up to date. Instances that start at once wait for each other on Kysely's advisory lock. What a newer release has
 * done is left as it is: migrations only ever expand the schema, so this one runs on it too.
 */
export async function migrate(db: Kysely<Schema>, known: Migrations = migrations): Promise<readonly string[]> {
  const ran = await run(
    db,
    FIRST_HISTORY,
    only(known, (name) => OF_FIRST_RELEASE.has(name)),
  );
  return [
    ...ran,
    ...(await run(
      db,
      HISTORY,
      only(known, (name) => !OF_FIRST_RELEASE.has(name)),
    )),
  ];
}

function only(known: Migrations, isMeant: (name: string) => boolean): Migrations {
  return Object.fromEntries(Object.entries(known).filter(([name]) => isMeant(name)));
}

/** Kysely refuses to run on a history that it does not know in full: what others have run is given to it as known. */
async function run(db: Kysely<Schema>, history: string, known: Migrations): Promise<string[]> {
  const provider = { getMigrations: () => Promise.resolve({ ...known }) };
  const { error, results } = await new Migrator({ db, migrationTableName: history, provider }).migrateToLatest();
  if (!error) return (results ?? []).map(({ migrationName }) => migrationName);
  const newer = isOfNewerRelease(error) ? await newerThan(db, history, known) : {};
  if (Object.keys(newer).length > 0) return await run(db, history, { ...known, ...newer });
  throw new DatabaseStartError(`The schema could not be brought up to date: ${hintOf(error)}`, { cause: error });
}

async function newerThan(db: Kysely<Schema>, history: string, known: Migrations): Promise<Migrations> {
  const { rows } = await sql<{ name: string }>`select name from ${sql.table(history)}`.execute(db);
  return Object.fromEntries(rows.filter(({ name }) => !(name in known)).map(({ name }) => [name, DONE_ELSEWHERE]));
}

const DONE_ELSEWHERE: Migration = { up: () => Promise.reject(new Error('A migration of a newer release cannot be run by this one.')) };

function isOfNewerRelease(error: unknown): boolean {
  return error instanceof Error && /previously executed migration .+ is missing/.test(error.message);
}

function hintOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.includes('extension "vector"') ? `${message} (install pgvector on the server)` : message;
}
