import { performance } from 'node:perf_hooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { sql, type Kysely } from 'kysely';
import type { DatabaseError } from 'pg';
import { ClientDisconnectedError, DeadlineExceededError } from '../abort/index.js';
import { eventually } from '../testing/index.js';
import { Scratch, type OpenDatabase, type OpenOptions, type ServerView } from '../../test/support/abort-database.js';
import { RecordingLogger } from '../../test/support/abort-log.js';
import { POSTGRES_URL, runsPostgres } from '../../test/support/backends.js';

const reason = new ClientDisconnectedError();

if (!runsPostgres) {
  it.skip(`Cancelling on the server: no PostgreSQL with pgvector answers at ${new URL(POSTGRES_URL).host}`, () => undefined);
}

(runsPostgres ? describe : describe.skip)('An abort on PostgreSQL', () => {
  let scratch: Scratch;
  let server: ServerView;
  /** Holds locks: what it sees itself is frozen while its transaction is open. */
  let other: ServerView;
  let open: OpenDatabase;
  let controller: AbortController;
  let log: RecordingLogger;

  const opened: OpenDatabase[] = [];

  /** Another pool on the same database, closed after the test. */
  async function another(options: OpenOptions): Promise<OpenDatabase> {
    const database = await scratch.open(options);
    opened.push(database);
    return database;
  }

  function live<T>(work: () => Promise<T>, on: OpenDatabase = open, signal: AbortSignal = controller.signal): Promise<T> {
    return on.context.run(signal, work);
  }

  function sleep(seconds: number, db: Pick<Kysely<never>, 'getExecutor'> = open.db): Promise<unknown> {
    return sql`select pg_sleep(${sql.lit(seconds)})`.execute(db);
  }

  function one(on: OpenDatabase): Promise<unknown> {
    return live(() => sql`select 1`.execute(on.db), on, new AbortController().signal);
  }

  function counts({ connection: { pool } }: OpenDatabase): object {
    return { total: pool.totalCount, idle: pool.idleCount, waiting: pool.waitingCount };
  }

  beforeAll(async () => {
    log = RecordingLogger.install();
    scratch = await Scratch.create('postgres');
    server = await scratch.observe();
    other = await scratch.observe();
    await server.client.query('create table notes (id int primary key)');
    open = await scratch.open();
  });

  afterAll(async () => {
    await open.close();
    await server.close();
    await other.close();
    await scratch.drop();
    Logger.overrideLogger(false);
  });

  beforeEach(async () => {
    await server.client.query('delete from notes');
    open.queries.clear();
    log.lines.length = 0;
    controller = new AbortController();
  });

  afterEach(async () => {
    await Promise.all(opened.splice(0).map((database) => database.close()));
    expect(await server.running()).toEqual([]);
    expect(log.at('error')).toEqual([]);
  });

  describe('before a statement', () => {
    it('keeps it from the server, which never sees it', async () => {
      await one(open);
      const { rows: before } = await server.client.query(
        `select pid, query_start from pg_stat_activity where datname = current_database() and application_name = 'hangup' order by pid`,
      );
      controller.abort(reason);
      await expect(live(() => sql`insert into notes values (1)`.execute(open.db))).rejects.toBe(reason);
      const { rows: after } = await server.client.query(
        `select pid, query_start from pg_stat_activity where datname = current_database() and application_name = 'hangup' order by pid`,
      );
      expect(after).toEqual(before);
      expect(await server.count('notes')).toBe(0);
    });
  });

  it('at whichever look it is found, the statement ends: kept from the server, or cancelled there', async () => {
    let [looks, last] = [0, Infinity];
    const look = (): void => {
      looks += 1;
      if (looks === last) controller.abort(reason);
    };
    const asleep = (): Promise<unknown> => open.context.run(controller.signal, () => sleep(30), { look });
    await one(open);
    const running = asleep();
    await server.seen('pg_sleep');
    const count = looks;
    controller.abort(reason);
    await expect(running).rejects.toBe(reason);
    expect(count).toBeGreaterThan(2);
    for (last = 1; last <= count; last += 1) {
      controller = new AbortController();
      looks = 0;
      await expect(asleep()).rejects.toBe(reason);
    }
  });

  describe('while a statement runs', () => {
    it('cancels it, is confirmed, and settles only when the server has stopped', async () => {
      const work = live(() => sleep(30));
      await server.seen('pg_sleep');
      const from = performance.now();
      controller.abort(reason);
      await expect(work).rejects.toBe(reason);
      expect(await server.running()).toEqual([]);
      expect(performance.now() - from).toBeLessThan(5000);
      expect(open.queries.reports).toMatchObject([{ outcome: 'cancelled', isConfirmed: true, kind: 'live' }]);
    });

    it('says on the receipt when it was told and when it had stopped', async () => {
      const work = open.context.run(controller.signal, async (scope) => {
        await expect(open.context.stage('retrieve_content', () => sleep(30))).rejects.toBe(reason);
        await scope.settled();
        return scope.report();
      });
      await server.seen('pg_sleep');
      controller.abort(reason);
      const report = await work;
      expect(report!.layers).toMatchObject([{ layer: 'database', operation: 'select', stage: 'retrieve_content' }]);
      expect(report!.stoppedMs).toBeGreaterThan(0);
      expect(report!.zombies).toEqual([]);
      expect(log.at('log')).toEqual(['[retrieve_content] Client disconnected, cancelling query']);
      expect(log.at('warn')).toEqual([]);
    });

    it('cancels it in a transaction too, rolls that back, and leaves the connection in the pool and usable', async () => {
      const pool = await another({ poolSize: 1 });
      const work = live(
        () =>
          pool.db.transaction().execute(async (tx) => {
            await sql`insert into notes values (1)`.execute(tx);
            await sleep(30, tx);
          }),
        pool,
      );
      await server.seen('pg_sleep');
      controller.abort(reason);
      await expect(work).rejects.toBe(reason);
      expect(await server.running()).toEqual([]);
      expect(await server.count('notes')).toBe(0);
      expect(pool.queries.reports.at(-1)).toMatchObject({ outcome: 'cancelled', isConfirmed: true });
      expect(counts(pool)).toEqual({ total: 1, idle: 1, waiting: 0 });
      await one(pool);
      expect(await server.connections('hangup')).toBe(open.connection.pool.totalCount + 1);
    });

    it('cancels what waits for a lock, and takes it out of the queue', async () => {
      await other.client.query('begin');
      await other.client.query('lock table notes in access exclusive mode');
      const work = live(() => sql`insert into notes values (1)`.execute(open.db));
      await server.seen('insert into notes', { isWaiting: true });
      controller.abort(reason);
      await expect(work).rejects.toBe(reason);
      const { rowCount } = await server.client.query('select 1 from pg_locks where not granted');
      expect(rowCount).toBe(0);
      await other.client.query('rollback');
      expect(await server.count('notes')).toBe(0);
    });

    it('does not touch the statements of others', async () => {
      const kept = live(() => sleep(0.5), open, new AbortController().signal);
      const gone = live(() => sleep(30));
      await server.seen('pg_sleep(0.5)');
      await server.seen('pg_sleep(30)');
      controller.abort(reason);
      await expect(gone).rejects.toBe(reason);
      await expect(kept).resolves.toBeDefined();
    });

    it('reaches no shield and no detached work', async () => {
      const shielded = live(() => open.context.shield(() => sleep(0.4)));
      const detached = live(() => open.context.detached('sweeping', () => sleep(0.5)));
      await server.seen('pg_sleep(0.4)');
      await server.seen('pg_sleep(0.5)');
      controller.abort(reason);
      await expect(Promise.all([shielded, detached])).resolves.toHaveLength(2);
      expect(open.queries.reports.map(({ kind, outcome }) => `${kind} ${outcome}`).sort()).toEqual([
        'detached completed',
        'shield completed',
      ]);
    });

    it('cancels a shield at its own deadline', async () => {
      const work = live(() => open.context.shield(() => sleep(30), { timeout: 50 }));
      await expect(work).rejects.toMatchObject({ code: 'deadline_exceeded' });
      expect(await server.running()).toEqual([]);
      expect(open.queries.reports).toMatchObject([{ kind: 'shield', outcome: 'cancelled', isConfirmed: true }]);
    });
  });

  describe('while a transaction has two statements under way at once', () => {
    it('never sends the second after it', async () => {
      const pool = await another({ poolSize: 1 });
      const outcomes: PromiseSettledResult<unknown>[] = [];
      const work = live(
        () =>
          pool.db.transaction().execute(async (tx) => {
            outcomes.push(...(await Promise.allSettled([sleep(30, tx), sql`select 'second'`.execute(tx)])));
          }),
        pool,
      );
      await server.seen('pg_sleep');
      controller.abort(reason);
      await expect(work).rejects.toBe(reason);
      expect(outcomes).toEqual([
        { status: 'rejected', reason },
        { status: 'rejected', reason },
      ]);
      expect(pool.queries.reports.map(({ outcome }) => outcome)).toEqual(['completed', 'cancelled', 'skipped', 'skipped']);
      await one(pool);
      expect(counts(pool)).toEqual({ total: 1, idle: 1, waiting: 0 });
    });
  });

  describe('of many statements', () => {
    it('leaves a pool of four whole after twelve of them', async () => {
      const pool = await another({ poolSize: 4 });
      const works = Array.from({ length: 12 }, (_, index) =>
        live(() => (index % 3 === 0 ? pool.db.transaction().execute((tx) => sleep(30, tx)) : sleep(30, pool.db)), pool),
      );
      const outcomes = Promise.allSettled(works);
      await eventually(async () => (await server.running()).filter((text) => text.includes('pg_sleep')).length === 4);
      expect(counts(pool)).toEqual({ total: 4, idle: 0, waiting: 8 });
      controller.abort(reason);
      expect(await outcomes).toEqual(Array(12).fill({ status: 'rejected', reason }));
      expect(await server.running()).toEqual([]);
      for (let query = 0; query < 12; query++) await one(pool);
      await Promise.all(Array.from({ length: 12 }, () => one(pool)));
      expect(counts(pool)).toEqual({ total: 4, idle: 4, waiting: 0 });
    });

    it('costs the server one connection, however many there are', async () => {
      const pool = await another({ poolSize: 20 });
      const works = Array.from({ length: 20 }, () => live(() => sleep(30, pool.db), pool));
      const outcomes = Promise.allSettled(works);
      await eventually(async () => (await server.running()).filter((text) => text.includes('pg_sleep')).length === 20);
      controller.abort(reason);
      expect(await outcomes).toEqual(Array(20).fill({ status: 'rejected', reason }));
      expect(pool.connection.control!.totalCount).toBe(1);
    });
  });

  describe('of one statement', () => {
    it('never hits the next one on its connection, in 300 rounds at random phases', async () => {
      const pool = await another({ poolSize: 1 });
      const seen = { cancelled: 0, completed: 0, skipped: 0 };
      for (let round = 0; round < 300; round++) {
        const each = new AbortController();
        const work = live(() => (round % 2 ? sql`select pg_sleep(0.003)`.execute(pool.db) : transaction(pool)), pool, each.signal);
        const phase = Math.random() * 6;
        const timer = setTimeout(() => each.abort(reason), phase);
        const next = work.then(
          () => one(pool),
          (error: unknown) => {
            expect(error).toBe(reason);
            return one(pool);
          },
        );
        await expect(next).resolves.toMatchObject({ rows: [{ '?column?': 1 }] });
        clearTimeout(timer);
      }
      for (const { outcome, kind } of pool.queries.reports) {
        expect(kind).toBe('live');
        if (outcome !== 'failed') seen[outcome] += 1;
      }
      expect(pool.queries.reports.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
      // Worth something only if the phases really fell everywhere.
      expect(seen.cancelled).toBeGreaterThan(20);
      expect(seen.completed).toBeGreaterThan(300);
      expect(counts(pool)).toEqual({ total: 1, idle: 1, waiting: 0 });
    });

    function transaction(pool: OpenDatabase): Promise<unknown> {
      return pool.db.transaction().execute(async (tx) => {
        await sql`select 1`.execute(tx);
        return await sql`select pg_sleep(0.002)`.execute(tx);
      });
    }

    it('does not disguise a real error that races it', async () => {
      const codes = new Set<unknown>();
      for (let round = 0; round < 60; round++) {
        const each = new AbortController();
        await other.client.query('begin');
        await other.client.query('insert into notes values ($1)', [round]);
        const work = live(() => sql`insert into notes values (${sql.lit(round)})`.execute(open.db), open, each.signal).catch(
          (error: unknown) => error,
        );
        await server.seen('insert into notes', { isWaiting: true });
        // The commit makes it a duplicate; the abort comes just before, at the same time, or just after.
        const commit = other.client.query('commit');
        if (round % 3 === 1) await commit;
        each.abort(reason);
        await commit;
        const error = await work;
        codes.add(error === reason ? 'reason' : (error as DatabaseError).code);
      }
      codes.delete('reason');
      expect([...codes].filter((code) => code !== '23505')).toEqual([]);
      expect(open.queries.reports.filter(({ outcome }) => outcome === 'completed')).toEqual([]);
    });

    it('is not what a statement timeout is', async () => {
      const pool = await another({ statementTimeoutMs: 50 });
      await expect(live(() => sleep(30, pool.db), pool)).rejects.toMatchObject({ code: '57014' });
      expect(pool.queries.reports).toMatchObject([{ outcome: 'failed', isConfirmed: false }]);
    });

    it('is not what an operator does who ends the connection', async () => {
      const pool = await another({ poolSize: 1 });
      const work = live(() => sleep(30, pool.db), pool);
      await server.seen('pg_sleep');
      await server.client.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where query like '%pg_sleep(30)%' and application_name = 'hangup'`,
      );
      await expect(work).rejects.toMatchObject({ code: '57P01' });
      await eventually(() => pool.connection.pool.totalCount === 0);
      await one(pool);
    });
  });

  describe('at a deadline', () => {
    /** A pool of one whose cancels are swallowed: what stops a statement there is the server itself. */
    async function alone(options: OpenOptions = {}): Promise<OpenDatabase> {
      const pool = await another({ poolSize: 1, ...options });
      pool.connection.control!.query = () => Promise.reject(new Error('no route to host'));
      return pool;
    }

    function within<T>(timeoutMs: number | undefined, work: () => Promise<T>, on: OpenDatabase): Promise<T> {
      return on.context.run(new AbortController().signal, work, { timeoutMs });
    }

    async function timeoutIn(db: Pick<Kysely<never>, 'getExecutor'>): Promise<string> {
      const { rows } = await sql<{ ms: string }>`select setting as ms from pg_settings where name = 'statement_timeout'`.execute(db);
      return rows[0]!.ms;
    }

    /** Sees what is sent over connections that are made from now on, and may fail it. */
    function before(pool: OpenDatabase, see: (text: string) => Promise<never> | undefined): void {
      pool.connection.pool.on('connect', (client) => {
        const query = client.query.bind(client) as (...given: unknown[]) => unknown;
        client.query = ((...given: unknown[]) => see(String(given[0])) ?? query(...given)) as typeof client.query;
      });
    }

    /** Of whoever comes next on the only connection, and has all the time there is. */
    const ofTheNext = (pool: OpenDatabase): Promise<string> => within(undefined, () => timeoutIn(pool.db), pool);

    it('is ended by the server alone, as the deadline that it is, and its connection goes back with the timeout it had', async () => {
      const pool = await alone();
      const work = within(200, () => sleep(30, pool.db), pool);
      await expect(work).rejects.toEqual(new DeadlineExceededError(200));
      expect(await server.running()).toEqual([]);
      expect(pool.queries.reports).toMatchObject([{ outcome: 'cancelled', isConfirmed: true }]);
      expect(await ofTheNext(pool)).toBe('60000');
      expect(counts(pool)).toEqual({ total: 1, idle: 1, waiting: 0 });
    });

    it('is ended by the server alone in a transaction too, in which later statements have what is left by then', async () => {
      const pool = await alone();
      const seen: number[] = [];
      const work = within(
        500,
        () =>
          pool.db.transaction().execute(async (tx) => {
            seen.push(Number(await timeoutIn(tx)));
            await sleep(0.2, tx);
            seen.push(Number(await timeoutIn(tx)));
            await sleep(30, tx);
          }),
        pool,
      );
      await expect(work).rejects.toEqual(new DeadlineExceededError(500));
      const [first = 0, later = 0] = seen;
      expect(first).toBeLessThanOrEqual(501);
      expect(later).toBeGreaterThan(0);
      expect(first - later).toBeGreaterThanOrEqual(150);
      expect(await ofTheNext(pool)).toBe('60000');
    });

    it('leaves its connection as it was, whichever way a statement or a transaction ends', async () => {
      const pool = await another({ poolSize: 1 });
      const broken = sql`select 1 / 0`;
      const ends: (() => Promise<unknown>)[] = [
        () => timeoutIn(pool.db),
        () => broken.execute(pool.db),
        () => pool.db.transaction().execute((tx) => timeoutIn(tx)),
        () => pool.db.transaction().execute((tx) => broken.execute(tx)),
        () => pool.db.connection().execute(async (on) => [await timeoutIn(on), await timeoutIn(on)]),
        () => pool.db.connection().execute((on) => on.transaction().execute((tx) => timeoutIn(tx))),
        () => sleep(30, pool.db),
        () => pool.db.transaction().execute((tx) => sleep(30, tx)),
      ];
      for (const end of ends) {
        await within(150, end, pool).catch(() => undefined);
        expect(await ofTheNext(pool)).toBe('60000');
      }
      expect(counts(pool)).toEqual({ total: 1, idle: 1, waiting: 0 });
    });

    it('closes a connection whose timeout could not be reset', async () => {
      const pool = await another({ poolSize: 1 });
      before(pool, (text) => (text.startsWith('reset') ? Promise.reject(new Error('no')) : undefined));
      await within(1000, () => timeoutIn(pool.db), pool);
      expect(await ofTheNext(pool)).toBe('60000');
      expect(pool.connection.pool.totalCount).toBe(1);
    });

    it('is as far as books reach that are kept in a shield, in the same transaction too', async () => {
      const pool = await another({ poolSize: 1 });
      const seen = await within(
        5000,
        () =>
          pool.db.transaction().execute(async (tx) => {
            const before = Number(await timeoutIn(tx));
            return { before, inShield: await pool.context.shield(() => timeoutIn(tx)), after: Number(await timeoutIn(tx)) };
          }),
        pool,
      );
      expect(seen).toEqual({ before: expect.any(Number), inShield: '60000', after: expect.any(Number) });
      expect(Math.max(seen.before, seen.after)).toBeLessThanOrEqual(5001);
      const alone = within(5000, () => pool.context.shield(() => timeoutIn(pool.db)), pool);
      expect(await alone).toBe('60000');
    });

    it('is set anew behind a savepoint that takes back what was set', async () => {
      const pool = await another({ poolSize: 1 });
      const seen = await pool.context.detached('a test', async () => {
        const tx = await pool.db.startTransaction().execute();
        const saved = await tx.savepoint('before').execute();
        const first = Number(await within(5000, () => timeoutIn(saved), pool));
        await saved.rollbackToSavepoint('before').execute();
        const second = Number(await within(5000, () => timeoutIn(tx), pool));
        await tx.commit().execute();
        return [first, second];
      });
      expect(Math.max(...seen)).toBeLessThanOrEqual(5001);
      expect(await ofTheNext(pool)).toBe('60000');
    });

    it('costs no statement more where there is none, or where the server’s own timeout comes first', async () => {
      const pool = await another({ poolSize: 1, statementTimeoutMs: 1000 });
      const sent: string[] = [];
      before(pool, (text) => {
        sent.push(text);
        return undefined;
      });
      const both = async (): Promise<void> => {
        await sql`select 1`.execute(pool.db);
        await pool.db.transaction().execute((tx) => sql`select 2`.execute(tx));
      };
      await within(undefined, both, pool);
      expect(sent.splice(0)).toEqual(['select 1', 'begin', 'select 2', 'commit']);
      await within(60_000, both, pool);
      expect(new Set(sent.splice(0))).toEqual(new Set(['select 1', 'begin', 'select 2', 'commit']));
    });

    it('knows no timeout of a server that has none', async () => {
      const pool = await another({ poolSize: 1, statementTimeoutMs: 0 });
      expect(Number(await within(5000, () => timeoutIn(pool.db), pool))).toBeLessThanOrEqual(5001);
      expect(await ofTheNext(pool)).toBe('0');
    });
  });

  describe('while the control connection is lost', () => {
    it('still cancels, over a new one', async () => {
      const pool = await another({ poolSize: 1 });
      for (let round = 0; round < 3; round++) {
        const each = new AbortController();
        const work = live(() => sleep(30, pool.db), pool, each.signal);
        await server.seen('pg_sleep');
        expect(await server.terminate('hangup-cancel')).toBeGreaterThan(0);
        each.abort(reason);
        await expect(work).rejects.toBe(reason);
        expect(await server.running()).toEqual([]);
      }
      expect(pool.queries.reports.map(({ outcome }) => outcome)).toEqual(['cancelled', 'cancelled', 'cancelled']);
    });

    it('tells the operator once it notices, and does not end the process', async () => {
      const pool = await another({ poolSize: 1 });
      await one(pool);
      await server.terminate('hangup-cancel');
      await server.terminate('hangup');
      await eventually(() => pool.lost.length >= 2 && pool.connection.pool.totalCount === 0 && pool.connection.control!.totalCount === 0);
      await one(pool);
    });
  });

  describe('that the server cannot be told of', () => {
    /** A pool whose cancels are swallowed: the server never hears of them. */
    async function deaf(options: OpenOptions): Promise<OpenDatabase> {
      const pool = await another(options);
      pool.connection.control!.query = () => Promise.reject(new Error('no route to host'));
      return pool;
    }

    it('lets its caller go after the limit, and keeps the connection from everybody else', async () => {
      const pool = await deaf({ poolSize: 1, zombieAfterMs: 100 });
      const work = live(() => sleep(1.5, pool.db), pool);
      await server.seen('pg_sleep');
      controller.abort(reason);
      await expect(work).rejects.toBe(reason);
      expect(await server.running()).toEqual(['select pg_sleep(1.5)']);
      const from = performance.now();
      await one(pool);
      expect(performance.now() - from).toBeLessThan(1000);
      expect(await server.running()).toEqual(['select pg_sleep(1.5)']);
      await eventually(async () => (await server.running()).length === 0);
    });

    it('lets its caller go out of a transaction too, which is undone', async () => {
      const pool = await deaf({ poolSize: 1, zombieAfterMs: 100 });
      const from = performance.now();
      const work = live(
        () =>
          pool.db.transaction().execute(async (tx) => {
            await sql`insert into notes values (1)`.execute(tx);
            await sleep(1.5, tx);
          }),
        pool,
      );
      await server.seen('pg_sleep');
      controller.abort(reason);
      await expect(work).rejects.toBe(reason);
      expect(performance.now() - from).toBeLessThan(1200);
      await one(pool);
      expect(performance.now() - from).toBeLessThan(1400);
      await eventually(async () => (await server.running()).length === 0);
      expect(await server.count('notes')).toBe(0);
      expect(pool.connection.pool.waitingCount).toBe(0);
    });
  });
});
