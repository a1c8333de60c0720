import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import pg from 'pg';
import type { AppConfig } from '../config/index.js';
import { DatabaseStartError } from './database.errors.js';
import { listenOn, type Listen } from './listener.js';

/** An open database: the pool that statements run on, and where there is a server, one connection apart to cancel them through. */
export interface Connection {
  readonly kind: 'postgres' | 'embedded';
  /** For people: where it is, without credentials. */
  readonly description: string;
  readonly pool: pg.Pool;
  /** Connections that no feature's statement can hold: for leases and cancels. The same as `pool` where there is but one. */
  readonly reserved: pg.Pool;
  /** One connection for the heartbeat alone: cancels that wait for each other must not let leases run out. */
  readonly heartbeat: pg.Pool;
  readonly control?: pg.Pool;
  /** Messages of the database, on a connection apart where there is a server. */
  readonly listen: Listen;
  close(): Promise<void>;
}

/**
 * An HNSW index alone looks at the 40 nearest of the whole table before a condition is applied, and so finds a chapter in part or not
 * at all. With this pgvector goes on until there are enough (since 0.8; an older one ignores it).
 */
const ITERATIVE_SCAN = 'strict_order';

const RESERVED_CONNECTIONS = 3;
/** These statements take milliseconds: one that takes this long runs on a connection that is dead without having said so. */
const LONGEST_RESERVED_QUERY_MS = 10_000;

export type DatabaseConfig = Pick<AppConfig, 'database' | 'dataDir'> & { readonly tasks: Pick<AppConfig['tasks'], 'leaseMs'> };

/** Opens PostgreSQL where a URL is configured, else the embedded database under the data directory. */
export async function connect(config: DatabaseConfig, onIdleError: (error: Error) => void): Promise<Connection> {
  return config.database.url
    ? await connectPostgres(config, config.database.url, onIdleError)
    : await openEmbedded(config.dataDir, onIdleError);
}

async function connectPostgres({ database, tasks }: DatabaseConfig, url: string, onIdleError: (error: Error) => void): Promise<Connection> {
  const settings = { connectionTimeoutMillis: 10_000, keepAlive: true };
  // The backstops: a client process that vanished is noticed while its statement runs, and no statement runs for ever.
  // And a process that stands still between two statements lets go of the rows that it has locked.
  const timeouts = `-c statement_timeout=${database.statementTimeoutMs} -c idle_in_transaction_session_timeout=${tasks.leaseMs}`;
  const backstops = `-c client_connection_check_interval=5000 ${timeouts}`;
  const options = `${backstops} -c hnsw.iterative_scan=${ITERATIVE_SCAN}`;
  const pool = new pg.Pool({ ...settings, connectionString: withSettings(url, 'hangup', options), max: database.poolSize });
  const apart = (name: string, max: number): pg.Pool =>
    new pg.Pool({ ...settings, connectionString: withSettings(url, name, backstops), max, query_timeout: LONGEST_RESERVED_QUERY_MS });
  const reserved = apart('hangup-reserved', RESERVED_CONNECTIONS);
  const heartbeat = apart('hangup-heartbeat', 1);
  const control = new pg.Pool({ ...settings, connectionString: withSettings(url, 'hangup-cancel'), max: 1, idleTimeoutMillis: 0 });
  for (const each of [pool, reserved, heartbeat, control]) watch(each, onIdleError);
  const { host, pathname } = new URL(url);
  const listen: Listen = (channel, message, up) => listenOn(withSettings(url, 'hangup-jobs'), channel, { message, up, lost: onIdleError });
  const close = async (): Promise<void> => {
    await Promise.all([pool.end(), reserved.end(), heartbeat.end()]);
    // Statements in flight, whose end the pools wait for, are cancelled through this one.
    await control.end();
  };
  try {
    await control.query('select 1');
  } catch (error) {
    await close();
    throw new DatabaseStartError(`DATABASE_URL does not answer at ${host}: ${messageOf(error)}`, { cause: error });
  }
  return { kind: 'postgres', description: `PostgreSQL at ${host}${pathname}`, pool, reserved, heartbeat, control, listen, close };
}

/** What the URL says wins over what stands beside it in pg's options: so ours goes into the URL, behind what is there. */
function withSettings(url: string, applicationName: string, options = ''): string {
  const own = new URL(url);
  own.searchParams.set('application_name', applicationName);
  own.searchParams.set('options', `${own.searchParams.get('options') ?? ''} ${options}`.trim());
  return own.href;
}

/** A connection that dies emits `error` on the client, and on the pool while idle; unheard, either would end the process. */
function watch(pool: pg.Pool, onIdleError: (error: Error) => void): void {
  pool.on('error', onIdleError);
  pool.on('connect', (client) => client.on('error', onIdleError));
}

async function openEmbedded(dataDir: string, onIdleError: (error: Error) => void): Promise<Connection> {
  const [{ PGlite }, { vector }] = await Promise.all([import('@electric-sql/pglite'), import('@electric-sql/pglite-pgvector')]);
  const isInMemory = dataDir.startsWith('memory://');
  const path = isInMemory ? dataDir : join(dataDir, 'postgres');
  if (!isInMemory) await mkdir(path, { recursive: true });
  const lite = await PGlite.create(path, { extensions: { vector } });
  await lite.exec(`set hnsw.iterative_scan = ${ITERATIVE_SCAN}`);
  const pool = await poolOf(lite, onIdleError);
  const close = async (): Promise<void> => {
    await pool.end();
    await lite.close();
  };
  const listen: Listen = async (channel, onMessage, onUp) => {
    const unlisten = await lite.listen(channel, onMessage);
    onUp();
    return { close: () => unlisten() };
  };
  return {
    kind: 'embedded',
    description: `embedded PostgreSQL (PGlite) in ${isInMemory ? 'memory' : path}`,
    pool,
    reserved: pool,
    heartbeat: pool,
    listen,
    close,
  };
}

async function poolOf(lite: PGlite, onIdleError: (error: Error) => void): Promise<pg.Pool> {
  const { createPgConfig } = await import('@electric-sql/pglite/node-postgres');
  const pool = new pg.Pool({ ...(createPgConfig(lite) as pg.PoolConfig), max: 1 });
  watch(pool, onIdleError);
  return pool;
}

function messageOf(error: unknown): string {
  const { message, code } = error as { message?: string; code?: string };
  return [message, code].find(Boolean) ?? String(error);
}
