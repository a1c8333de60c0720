import pg from 'pg';

const DEFAULT_URL = 'postgres://postgres@127.0.0.1:5432/postgres';
const CONNECT_TIMEOUT_MS = 2000;

/** Where a benchmark keeps its rows: in a PostgreSQL database of its own, dropped in the end, or in memory where there is no server. */
export interface BenchDatabase extends AsyncDisposable {
  readonly description: string;
  /** What the app under test reads from its environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** Uses the server of `TEST_POSTGRES_URL`, or the one on this machine, if it answers and has pgvector. */
export async function openBenchDatabase(purpose: string): Promise<BenchDatabase> {
  const serverUrl = process.env.TEST_POSTGRES_URL ?? DEFAULT_URL;
  if (!(await hasVector(serverUrl))) return embedded();
  const name = `hangup_bench_${purpose}_${process.pid}`;
  await execute(serverUrl, `create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    description: `PostgreSQL at ${url.host}`,
    env: { DATABASE_URL: url.href },
    [Symbol.asyncDispose]: async () => {
      await execute(serverUrl, `drop database ${name} with (force)`);
    },
  };
}

function embedded(): BenchDatabase {
  return { description: 'embedded PGlite in memory', env: { DATA_DIR: 'memory://' }, [Symbol.asyncDispose]: () => Promise.resolve() };
}

async function hasVector(url: string): Promise<boolean> {
  try {
    const { rowCount } = await execute(url, `select from pg_available_extensions where name = 'vector'`);
    return rowCount === 1;
  } catch {
    return false;
  }
}

async function execute(connectionString: string, statement: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: CONNECT_TIMEOUT_MS });
  await client.connect();
  try {
    return await client.query(statement);
  } finally {
    await client.end();
  }
}
