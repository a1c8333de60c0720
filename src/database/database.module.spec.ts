import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Global, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import pg from 'pg';
import { eventually } from '../testing/index.js';
import { AbortContext, AbortModule } from '../abort/index.js';
import { APP_CONFIG } from '../config/index.js';
import { Database, DatabaseModule, DatabaseStartError } from './index.js';
import { QueryJournal } from '../../test/support/query-journal.js';
import { Scratch } from '../../test/support/abort-database.js';
import { backends } from '../../test/support/backends.js';

describe.each(backends)('DatabaseModule on %s', (backend) => {
  let scratch: Scratch;

  function compile(queries?: QueryJournal): Promise<TestingModule> {
    const config = {
      dataDir: 'memory://',
      database: { url: scratch.url, poolSize: 2, statementTimeoutMs: 30_000 },
      tasks: { leaseMs: 60_000 },
    };

    @Global()
    @Module({ providers: [{ provide: APP_CONFIG, useValue: config }], exports: [APP_CONFIG] })
    class SettingsModule {}

    return Test.createTestingModule({ imports: [SettingsModule, AbortModule, DatabaseModule.forRoot(queries)] }).compile();
  }

  beforeAll(async () => {
    scratch = await Scratch.create(backend);
  });

  afterAll(async () => {
    await scratch.drop();
  });

  it('opens a database that is migrated and holds the sample book, and closes it with the app', async () => {
    const queries = new QueryJournal();
    const app = await compile(queries);
    const db = app.get(Database);
    const books = await app
      .get(AbortContext)
      .detached('looking at the outcome of a test', () => db.selectFrom('books').select('title').execute());
    expect(books).toEqual([{ title: 'Willow Street Mandarin' }]);
    expect(new Set(queries.reports.map(({ kind }) => kind))).toEqual(new Set(['detached']));
    const { pool } = db.source;
    await app.close();
    expect([pool.ended, pool.totalCount]).toEqual([true, 0]);
  });

  if (backend === 'postgres') {
    it('leaves no connection behind when the start fails', async () => {
      const stranger = new pg.Client({ connectionString: scratch.url });
      await stranger.connect();
      await stranger.query(`delete from kysely_migration`);
      await expect(compile()).rejects.toBeInstanceOf(DatabaseStartError);
      const others = `select application_name from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()`;
      await eventually(async () => (await stranger.query(others)).rows.length === 0, { message: 'every connection closed' });
      await stranger.end();
    });
  }
});
