import pg from 'pg';
import { eventually } from '../../src/testing/index.js';

/** What of ours runs or waits on the server right now. */
export interface Activity {
  readonly query: string;
  readonly waits: boolean;
}

/** Watches a PostgreSQL database from outside, and makes its statements slow by locking what they want. */
export class DatabaseWatch {
  readonly #client: pg.Client;
  /** Apart, because a transaction sees one snapshot of `pg_stat_activity` for as long as it lasts. */
  readonly #locker: pg.Client;

  private constructor(client: pg.Client, locker: pg.Client) {
    this.#client = client;
    this.#locker = locker;
  }

  static async open(url: string): Promise<DatabaseWatch> {
    const [client, locker] = [1, 2].map(() => new pg.Client({ connectionString: url, application_name: 'hangup-test' })) as [
      pg.Client,
      pg.Client,
    ];
    await Promise.all([client.connect(), locker.connect()]);
    return new DatabaseWatch(client, locker);
  }

  /** From now until `unlock` whoever touches the table waits. */
  async lock(table: string): Promise<void> {
    await this.#locker.query('begin');
    await this.#locker.query(`lock table ${table} in access exclusive mode`);
  }

  /** From now until `unlock` whoever writes what this query gives waits. */
  async lockRows(query: string, values: unknown[] = []): Promise<void> {
    await this.#locker.query('begin');
    await this.#locker.query(`${query} for update`, values);
  }

  async unlock(): Promise<void> {
    await this.#locker.query('rollback');
  }

  async activity(): Promise<Activity[]> {
    const { rows } = await this.#client.query<Activity>(
      `select query, coalesce(wait_event_type = 'Lock', false) as waits from pg_stat_activity
       where datname = current_database() and application_name = 'hangup' and state = 'active'`,
    );
    return rows;
  }

  /** Resolves when so many statements of ours wait for a lock. */
  async waiting(count = 1): Promise<void> {
    await eventually(async () => (await this.activity()).filter(({ waits }) => waits).length >= count, {
      message: `${count} statements waiting`,
    });
  }

  async rows(sql: string, values: unknown[] = []): Promise<Record<string, unknown>[]> {
    return (await this.#client.query<Record<string, unknown>>(sql, values)).rows;
  }

  async close(): Promise<void> {
    await Promise.all([this.#client.end(), this.#locker.end()]);
  }
}
