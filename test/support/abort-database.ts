import pg from 'pg';
import { AbortContext } from '../../src/abort/index.js';
import { BackendCanceller } from '../../src/database/backend-canceller.js';
import { connect, type Connection } from '../../src/database/connect.js';
import { Database } from '../../src/database/index.js';
import { eventually } from '../../src/testing/index.js';
import { createScratchDatabase, type Backend, type ScratchDatabase } from './backends.js';
import { createEmbeddedDirectory, type EmbeddedDirectory } from './embedded.js';
import { QueryJournal } from './query-journal.js';

export interface OpenOptions {
  readonly poolSize?: number;
  readonly statementTimeoutMs?: number;
  readonly zombieAfterMs?: number;
  /** Another way to the same server, through a proxy. */
  readonly url?: string;
}

/** One database under the gateway, with everything a test wants to look at. */
export interface OpenDatabase {
  readonly db: Database;
  readonly context: AbortContext;
  readonly connection: Connection;
  readonly queries: QueryJournal;
  /** What was said of connections that died. */
  readonly lost: Error[];
  close(): Promise<void>;
}

/** A database of its own for a test file: on the test server, or embedded in memory. */
export class Scratch {
  private constructor(
    readonly backend: Backend,
    private readonly database: ScratchDatabase | undefined,
  ) {}

  static async create(backend: Backend): Promise<Scratch> {
    return new Scratch(backend, backend === 'postgres' ? await createScratchDatabase() : undefined);
  }

  get url(): string | undefined {
    return this.database?.url;
  }

  async open({
    poolSize = 4,
    statementTimeoutMs = 60_000,
    zombieAfterMs = 20_000,
    url = this.url,
  }: OpenOptions = {}): Promise<OpenDatabase> {
    const lost: Error[] = [];
    const embedded = this.url === undefined ? await createEmbeddedDirectory() : undefined;
    const config = {
      dataDir: embedded?.dataDir ?? '',
      database: { url, poolSize, statementTimeoutMs },
      tasks: { leaseMs: 60_000 },
    };
    const connection = await connect(config, (error) => lost.push(error));
    const context = new AbortContext({ zombieAfterMs });
    const queries = new QueryJournal();
    const canceller = connection.control && new BackendCanceller(connection.control);
    const db = new Database(connection, { context, canceller, observer: queries, statementTimeoutMs: canceller && statementTimeoutMs });
    return { db, context, connection, queries, lost, close: () => close(connection, embedded) };
  }

  /** Looks at the server from outside: what runs there, whatever the gateway says. */
  async observe(): Promise<ServerView> {
    const client = new pg.Client({ connectionString: this.url, application_name: 'hangup-test' });
    client.on('error', () => undefined);
    await client.connect();
    return new ServerView(client);
  }

  async drop(): Promise<void> {
    await this.database?.drop();
  }
}

/** What a database administrator sees. */
export class ServerView {
  constructor(readonly client: pg.Client) {}

  /** The statements that run for the app at this moment, waiting for a lock or not. */
  async running(): Promise<string[]> {
    const { rows } = await this.client.query<{ query: string }>(
      `select query from pg_stat_activity where application_name = 'hangup' and datname = current_database() and state = 'active'`,
    );
    return rows.map(({ query }) => query);
  }

  /** Resolves when a statement that contains this text runs, `waiting` for a lock if that is asked for. */
  async seen(text: string, { isWaiting = false } = {}): Promise<void> {
    const sql = `select 1 from pg_stat_activity where application_name = 'hangup' and datname = current_database()
      and state = 'active' and query like '%' || $1 || '%' and (not $2 or wait_event_type = 'Lock')`;
    const probe = async (): Promise<boolean> => (await this.client.query(sql, [text, isWaiting])).rowCount === 1;
    await eventually(probe, { message: `the server running ${text}` });
  }

  async terminate(applicationName: string): Promise<number> {
    const sql = `select pg_terminate_backend(pid) from pg_stat_activity where application_name = $1 and datname = current_database()`;
    return (await this.client.query(sql, [applicationName])).rowCount ?? 0;
  }

  async connections(applicationName: string): Promise<number> {
    const sql = 'select 1 from pg_stat_activity where application_name = $1 and datname = current_database()';
    return (await this.client.query(sql, [applicationName])).rowCount ?? 0;
  }

  async count(table: string): Promise<number> {
    const { rows } = await this.client.query<{ count: number }>(`select count(*)::int from ${table}`);
    return rows[0]!.count;
  }

  async close(): Promise<void> {
    await this.client.end();
  }
}

async function close(connection: Connection, embedded: EmbeddedDirectory | undefined): Promise<void> {
  await connection.close();
  await embedded?.remove();
}
