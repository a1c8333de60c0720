import { randomBytes } from 'node:crypto';
import pg from 'pg';

export type Backend = 'postgres' | 'embedded';

/** A PostgreSQL server with pgvector for tests. Each test file makes a database of its own on it. */
export const POSTGRES_URL = process.env.TEST_POSTGRES_URL ?? 'postgres://postgres@127.0.0.1:5432/postgres';

const isRequired = process.env.REQUIRE_SERVICES === '1';

async function hasPostgres(): Promise<boolean> {
  const client = new pg.Client({ connectionString: POSTGRES_URL, connectionTimeoutMillis: 2000 });
  try {
    await client.connect();
    const { rowCount } = await client.query("select 1 from pg_available_extensions where name = 'vector'");
    return rowCount === 1;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}

/**
 * The databases that a suite runs over. Without PostgreSQL its tests are registered as skipped, aloud; with `REQUIRE_SERVICES=1`
 * they fail instead.
 */
const postgresIsHere = await hasPostgres();
if (!postgresIsHere && !isRequired) {
  process.stderr.write(
    `SKIPPED: no PostgreSQL with pgvector answers at ${new URL(POSTGRES_URL).host}, so tests on it do not run (scripts/services.sh)\n`,
  );
}
export const runsPostgres = postgresIsHere || isRequired;
export const backends: readonly Backend[] = runsPostgres ? ['postgres', 'embedded'] : ['embedded'];

export interface ScratchDatabase {
  readonly url: string;
  drop(): Promise<void>;
}

/** A database of its own on the test server: an empty one, or a copy of a template that nobody is connected to. */
export async function createScratchDatabase(template = 'template1'): Promise<ScratchDatabase> {
  const name = `hangup_test_${randomBytes(6).toString('hex')}`;
  await administer((client) => client.query(`create database ${name} template ${template}`));
  const drop = async (): Promise<void> => {
    await administer((client) => client.query(`drop database if exists ${name} with (force)`));
  };
  return { url: databaseUrl(name), drop };
}

export function databaseUrl(name: string): string {
  const url = new URL(POSTGRES_URL);
  url.pathname = `/${name}`;
  return url.href;
}

/** On a connection of its own to the server, which ends with it and whatever it holds. */
export async function administer<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: POSTGRES_URL });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
