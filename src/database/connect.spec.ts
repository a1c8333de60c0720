import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from '@jest/globals';
import { connect, type Connection, type DatabaseConfig } from './connect.js';
import { DatabaseStartError } from './index.js';
import { createScratchDatabase, POSTGRES_URL, runsPostgres } from '../../test/support/backends.js';

const lost: Error[] = [];
let connection: Connection | undefined;

async function open(url?: string, dataDir = 'memory://'): Promise<Connection> {
  const config: DatabaseConfig = { dataDir, database: { url, poolSize: 3, statementTimeoutMs: 1234 }, tasks: { leaseMs: 60_000 } };
  connection = await connect(config, (error) => lost.push(error));
  return connection;
}

async function failureOf(url: string): Promise<Error> {
  return await open(url).then(
    () => new Error('it connected'),
    (error: unknown) => error as Error,
  );
}

afterEach(async () => {
  await connection?.close();
  connection = undefined;
  expect(lost).toEqual([]);
});

describe('A database that cannot be used', () => {
  it.each([
    ['nobody listens there', 'postgres://lena:geheim@127.0.0.1:1/quiz', '127.0.0.1:1'],
    ['its name means nothing', 'postgres://lena:geheim@no-such-host.invalid/quiz', 'no-such-host.invalid'],
    ['its name has two addresses and nobody listens at either', 'postgres://lena:geheim@localhost:1/quiz', 'localhost:1'],
  ])('stops the start with one line that names it, without its password: %s', async (_, url, host) => {
    const error = await failureOf(url);
    expect(error).toBeInstanceOf(DatabaseStartError);
    expect(error.message).toMatch(/^DATABASE_URL does not answer at [^\n]+: [^\n]+$/);
    expect(error.message).toContain(host);
    expect(error.message).not.toMatch(/geheim|undefined|\[object/);
    expect(error.cause).toMatchObject({ code: expect.stringMatching(/^E[A-Z]+$/) });
  });

  it('stops the start also when what listens there hangs up', async () => {
    const server: Server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const error = await failureOf(`postgres://127.0.0.1:${(server.address() as AddressInfo).port}/quiz`);
    server.close();
    expect(error).toBeInstanceOf(DatabaseStartError);
    expect(error.message).toMatch(/^DATABASE_URL does not answer at [^\n]+$/);
  });
});

(runsPostgres ? describe : describe.skip)(`PostgreSQL at ${new URL(POSTGRES_URL).host}`, () => {
  it('is told from the embedded database, and described without its credentials', async () => {
    const url = new URL(POSTGRES_URL);
    url.password = 'geheim';
    const { kind, description } = await open(url.href);
    expect({ kind, description }).toEqual({ kind: 'postgres', description: `PostgreSQL at ${url.host}${url.pathname}` });
  });

  it('that refuses the database says which and why, in one line', async () => {
    const url = new URL(POSTGRES_URL);
    url.pathname = '/no_such_database';
    expect((await failureOf(url.href)).message).toMatch(
      /^DATABASE_URL does not answer at [^\n]+: database "no_such_database" does not exist$/,
    );
  });

  it('has the backstops set on every connection of the pool, and one connection apart for cancels', async () => {
    const { pool, control } = await open(POSTGRES_URL);
    const { rows } = await pool.query(
      `select current_setting('statement_timeout') as timeout, current_setting('client_connection_check_interval') as check, current_setting('application_name') as name`,
    );
    expect(rows).toEqual([{ timeout: '1234ms', check: '5s', name: 'hangup' }]);
    expect((await control!.query(`select current_setting('application_name') as name`)).rows).toEqual([{ name: 'hangup-cancel' }]);
    expect([pool.options.max, control!.options.max]).toEqual([3, 1]);
  });

  it('keeps the backstops when the URL brings settings of its own', async () => {
    const url = new URL(POSTGRES_URL);
    url.searchParams.set('application_name', 'theirs');
    url.searchParams.set('options', '-c work_mem=5MB');
    const { pool, control } = await open(url.href);
    const { rows } = await pool.query(
      `select current_setting('statement_timeout') as timeout, current_setting('work_mem') as memory, current_setting('application_name') as name`,
    );
    expect(rows).toEqual([{ timeout: '1234ms', memory: '5MB', name: 'hangup' }]);
    expect((await control!.query(`select current_setting('application_name') as name`)).rows).toEqual([{ name: 'hangup-cancel' }]);
  });

  it('has no connection left when it was closed', async () => {
    const scratch = await createScratchDatabase();
    const { pool, close } = await open(scratch.url);
    await pool.query('select 1');
    await close();
    connection = undefined;
    expect([pool.totalCount, pool.ended]).toEqual([0, true]);
    await scratch.drop();
  });
});

describe('The embedded database', () => {
  it('has one connection, pgvector, and nobody who could cancel', async () => {
    const { kind, description, pool, control } = await open();
    expect({ kind, description, control }).toEqual({
      kind: 'embedded',
      description: 'embedded PostgreSQL (PGlite) in memory',
      control: undefined,
    });
    expect(pool.options.max).toBe(1);
    await pool.query('create extension vector');
    expect((await pool.query(`select '[1,2]'::vector::text as v`)).rows).toEqual([{ v: '[1,2]' }]);
  });

  it('keeps what it holds in the data directory, which it makes, until the next start', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'hangup-'));
    const nested = join(dataDir, 'deep', 'data');
    const first = await open(undefined, nested);
    expect(first.description).toBe(`embedded PostgreSQL (PGlite) in ${join(nested, 'postgres')}`);
    await first.pool.query('create table kept (id int)');
    await first.close();
    const second = await open(undefined, nested);
    expect((await second.pool.query('select * from kept')).rows).toEqual([]);
    await second.close();
    connection = undefined;
    expect(await readdir(nested)).toEqual(['postgres']);
    await rm(dataDir, { recursive: true });
  });
});
