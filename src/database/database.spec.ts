import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { sql } from 'kysely';
import { ClientDisconnectedError, OutsideAbortScopeError } from '../abort/index.js';
import { abortListenersOf, expectNoAbortListeners, Gate } from '../testing/index.js';
import { Scratch, type OpenDatabase } from '../../test/support/abort-database.js';
import { RecordingLogger } from '../../test/support/abort-log.js';
import { backends } from '../../test/support/backends.js';

const reason = new ClientDisconnectedError();

describe.each(backends)('The database gateway on %s', (backend) => {
  let scratch: Scratch;
  let open: OpenDatabase;
  let controller: AbortController;
  let log: RecordingLogger;

  /** Runs work in a scope of its own, under `controller`. */
  function live<T>(work: () => Promise<T>): Promise<T> {
    return open.context.run(controller.signal, work);
  }

  function detached<T>(work: () => Promise<T>): Promise<T> {
    return open.context.detached('looking at the outcome of a test', work);
  }

  async function notes(): Promise<string[]> {
    const { rows } = await detached(() => sql<{ text: string }>`select text from notes order by text`.execute(open.db));
    return rows.map(({ text }) => text);
  }

  function note(text: string, db: Pick<OpenDatabase['db'], 'getExecutor'> = open.db): Promise<unknown> {
    return sql`insert into notes (text) values (${text})`.execute(db);
  }

  /** What the gateway reported, without the statements that only looked. */
  function reported(): [sql: string, outcome: string][] {
    return open.queries.reports.filter(({ kind }) => kind !== 'detached').map((report) => [report.sql.split(' ')[0]!, report.outcome]);
  }

  beforeAll(async () => {
    log = RecordingLogger.install();
    scratch = await Scratch.create(backend);
    open = await scratch.open();
    await detached(() => sql`create table notes (text text primary key)`.execute(open.db));
  });

  afterAll(async () => {
    await open.close();
    await scratch.drop();
    Logger.overrideLogger(false);
  });

  afterEach(() => {
    expect(log.at('error')).toEqual([]);
    expect(log.at('warn')).toEqual([]);
  });

  beforeEach(async () => {
    await detached(() => sql`delete from notes`.execute(open.db));
    open.queries.clear();
    log.lines.length = 0;
    controller = new AbortController();
  });

  describe('outside any scope', () => {
    it.each<[string, () => Promise<unknown>]>([
      ['a statement', () => note('stray')],
      ['a transaction', () => open.db.transaction().execute((tx) => note('stray', tx))],
      ['a connection', () => open.db.connection().execute((connection) => note('stray', connection))],
    ])('refuses %s, and sends nothing', async (_, work) => {
      await expect(work()).rejects.toBeInstanceOf(OutsideAbortScopeError);
      expect(await notes()).toEqual([]);
      expect(reported()).toEqual([]);
    });
  });

  describe('under a signal that lives', () => {
    it('runs statements and transactions as Kysely does, and tells of each', async () => {
      await live(async () => {
        await note('alone');
        await open.db.transaction().execute((tx) => note('together', tx));
      });
      expect(await notes()).toEqual(['alone', 'together']);
      expect(reported()).toEqual([
        ['insert', 'completed'],
        ['begin', 'completed'],
        ['insert', 'completed'],
        ['commit', 'completed'],
      ]);
    });

    it('reports whose statement it was, where in the work it stood, and when it ran', async () => {
      await open.context.run(controller.signal, () => open.context.stage('retrieve_content', () => note('a')), { id: 'task-1' });
      const [report] = open.queries.reports;
      expect(report).toMatchObject({
        scopeId: 'task-1',
        stage: 'retrieve_content',
        kind: 'live',
        outcome: 'completed',
        isConfirmed: false,
      });
      expect(report!.endedAt).toBeGreaterThanOrEqual(report!.startedAt);
    });

    it('leaves the error of a statement what it is, and reports it as failed', async () => {
      await expect(live(() => sql`select 1/0`.execute(open.db))).rejects.toMatchObject({ code: '22012' });
      expect(reported()).toEqual([['select', 'failed']]);
    });

    it('leaves no listener on a signal after a thousand statements', async () => {
      await live(async () => {
        for (let round = 0; round < 500; round++) await sql`select 1`.execute(open.db);
        await open.db.transaction().execute(async (tx) => {
          for (let round = 0; round < 500; round++) await sql`select 1`.execute(tx);
        });
        // The one left is that of the receipt, and lives as long as the scope.
        expect(abortListenersOf(open.context.signal)).toHaveLength(1);
      });
      expectNoAbortListeners(controller.signal);
    });
  });

  describe('under a signal that has aborted', () => {
    beforeEach(() => {
      controller.abort(reason);
    });

    it.each<[string, () => Promise<unknown>, string]>([
      ['a statement', () => note('late'), 'insert'],
      ['a transaction', () => open.db.transaction().execute((tx) => note('late', tx)), 'begin'],
      ['a connection', () => open.db.connection().execute((connection) => note('late', connection)), 'insert'],
    ])('skips %s: rejects with the reason itself, sends nothing, takes no connection and says so', async (_, work, first) => {
      await expect(live(work)).rejects.toBe(reason);
      expect(reported()).toEqual([[first, 'skipped']]);
      expect(await notes()).toEqual([]);
    });

    it('lets a shield write its books, and says that it was one', async () => {
      await live(() => open.context.shield(() => note('booked')));
      await live(() => open.context.shield(() => open.db.transaction().execute((tx) => note('booked twice', tx))));
      expect(await notes()).toEqual(['booked', 'booked twice']);
      expect(open.queries.reports.filter(({ kind }) => kind === 'shield').map(({ outcome }) => outcome)).toEqual(
        Array(4).fill('completed'),
      );
    });

    it('lets detached work through', async () => {
      await live(() => detached(() => note('swept')));
      expect(await notes()).toEqual(['swept']);
    });

    it('says so in one line, and on the receipt that nothing was in flight', async () => {
      await open.context.run(controller.signal, (scope) =>
        open.context.stage('retrieve_content', async () => {
          for (let round = 0; round < 3; round++) await expect(note('late')).rejects.toBe(reason);
          await scope.settled();
          expect(scope.report()).toMatchObject({ layers: [], stoppedMs: 0 });
        }),
      );
      expect(log.at('log')).toEqual(['[retrieve_content] Client disconnected, skipping query']);
    });
  });

  describe('when the signal aborts within a transaction', () => {
    it('sends no further statement, rolls back, and rejects with the reason', async () => {
      const work = live(() =>
        open.db.transaction().execute(async (tx) => {
          await note('first', tx);
          controller.abort(reason);
          await note('second', tx);
        }),
      );
      await expect(work).rejects.toBe(reason);
      expect(reported()).toEqual([
        ['begin', 'completed'],
        ['insert', 'completed'],
        ['insert', 'skipped'],
      ]);
      expect(await notes()).toEqual([]);
    });

    it('does not commit, although the work was done', async () => {
      const work = live(() =>
        open.db.transaction().execute(async (tx) => {
          await note('done', tx);
          controller.abort(reason);
          return 'done';
        }),
      );
      await expect(work).rejects.toBe(reason);
      expect(reported().at(-1)).toEqual(['commit', 'skipped']);
      expect(await notes()).toEqual([]);
    });

    it('rolls back also where the work failed on its own account, and keeps that failure', async () => {
      const failure = new Error('the answer key is missing');
      const work = live(() =>
        open.db.transaction().execute(async (tx) => {
          await note('done', tx);
          controller.abort(reason);
          throw failure;
        }),
      );
      await expect(work).rejects.toBe(failure);
      expect(await notes()).toEqual([]);
    });

    it('lets a shield finish on the same connection what it must', async () => {
      const work = live(() =>
        open.db.transaction().execute(async (tx) => {
          controller.abort(reason);
          await open.context.shield(() => note('kept', tx));
          await open.context.shield(() => sql`commit`.execute(tx));
        }),
      );
      await expect(work).rejects.toBe(reason);
      expect(await notes()).toEqual(['kept']);
    });

    it('undoes to a savepoint and releases one whatever the signal says', async () => {
      const work = live(async () => {
        const tx = await open.db.startTransaction().execute();
        const saved = await tx.savepoint('before').execute();
        await note('undone', saved);
        controller.abort(reason);
        await saved.rollbackToSavepoint('before').execute();
        await saved.releaseSavepoint('before').execute();
        await tx.rollback().execute();
      });
      await expect(work).resolves.toBeUndefined();
      expect(await notes()).toEqual([]);
    });

    it('leaves the connection clean for whoever comes next', async () => {
      for (let round = 0; round < 20; round++) {
        const each = new AbortController();
        const work = open.context.run(each.signal, () =>
          open.db.transaction().execute(async (tx) => {
            await note('gone', tx);
            each.abort(reason);
            await note('never', tx);
          }),
        );
        await expect(work).rejects.toBe(reason);
      }
      await live(() => note('next'));
      expect(await notes()).toEqual(['next']);
      expect(open.connection.pool.idleCount).toBe(open.connection.pool.totalCount);
    });
  });

  describe('when all connections are taken', () => {
    let pool: OpenDatabase;

    beforeAll(async () => {
      pool = await scratch.open({ poolSize: 1 });
    });

    afterAll(async () => {
      await pool.close();
    });

    /** Takes the only connection until the gate opens. */
    async function occupied(gate: Gate, work: () => Promise<void>): Promise<void> {
      const holding = pool.context.detached('holding the only connection', () =>
        pool.db.connection().execute(async (connection) => {
          await sql`select 1`.execute(connection);
          await gate.wait();
        }),
      );
      await gate.reached;
      await work();
      gate.open();
      await holding;
    }

    it('ends the wait at the abort, reports the statement as skipped, and gives back the connection that comes too late', async () => {
      pool.queries.clear();
      await occupied(new Gate(), async () => {
        const waits = Array.from({ length: 3 }, () => pool.context.run(controller.signal, () => sql`select 'late'`.execute(pool.db)));
        const outcomes = Promise.allSettled(waits);
        expect(pool.connection.pool.waitingCount).toBe(3);
        controller.abort(reason);
        expect(await outcomes).toEqual(Array(3).fill({ status: 'rejected', reason }));
      });
      const { rows } = await pool.context.run(new AbortController().signal, () => sql<{ one: number }>`select 1 as one`.execute(pool.db));
      expect(rows).toEqual([{ one: 1 }]);
      const { totalCount, idleCount, waitingCount } = pool.connection.pool;
      expect({ totalCount, idleCount, waitingCount }).toEqual({ totalCount: 1, idleCount: 1, waitingCount: 0 });
      expect(pool.queries.reports.filter(({ sql: text }) => text.includes('late')).map(({ outcome }) => outcome)).toEqual([
        'skipped',
        'skipped',
        'skipped',
      ]);
      expectNoAbortListeners(controller.signal);
    });

    it('lets those wait on who are still wanted', async () => {
      let wanted: Promise<unknown> = Promise.resolve();
      await occupied(new Gate(), async () => {
        const gone = pool.context.run(controller.signal, () => sql`select 1`.execute(pool.db));
        wanted = pool.context.run(new AbortController().signal, () => sql`select 2 as two`.execute(pool.db));
        controller.abort(reason);
        await expect(gone).rejects.toBe(reason);
      });
      await expect(wanted).resolves.toMatchObject({ rows: [{ two: 2 }] });
      expect(pool.connection.pool.waitingCount).toBe(0);
    });
  });
});
