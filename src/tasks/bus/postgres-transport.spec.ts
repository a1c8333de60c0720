import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import pg from 'pg';
import { RecordingLogger } from '../../../test/support/abort-log.js';
import { createScratchDatabase, runsPostgres, type ScratchDatabase } from '../../../test/support/backends.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { eventually } from '../../testing/index.js';
import { openBus, type BusMessage, type CancelBus } from './index.js';

const DOWN = '[Bus] postgres is not reachable: cancels from other instances arrive with the next heartbeat instead of at once';
const BACK = '[Bus] postgres is back';

function ended(): BusMessage {
  return { type: 'ended', owner: 'learner', taskId: randomUUID() };
}

(runsPostgres ? describe : describe.skip)('The bus on a PostgreSQL of its own', () => {
  let database: ScratchDatabase;
  let admin: pg.Client;
  let log: RecordingLogger;
  let bus: CancelBus;
  let ups: number;
  let proxy: TcpProxy | undefined;

  beforeAll(async () => {
    database = await createScratchDatabase();
    admin = new pg.Client({ connectionString: database.url });
    await admin.connect();
  });
  beforeEach(() => {
    log = RecordingLogger.install();
    ups = 0;
  });
  afterEach(async () => {
    await bus.close();
    await proxy?.stop();
    proxy = undefined;
    Logger.overrideLogger(false);
  });
  afterAll(async () => {
    await admin.end();
    await database.drop();
  });

  function start(databaseUrl = database.url): void {
    bus = openBus({ kind: 'postgres', databaseUrl }, 'hangup_test');
    bus.onUp(() => (ups += 1));
    bus.start();
  }

  async function isUp(): Promise<void> {
    await eventually(() => bus.state === 'up', { message: 'the bus is up' });
  }

  async function sessions(): Promise<{ pid: number }[]> {
    const statement = "select pid from pg_stat_activity where datname = current_database() and application_name = 'hangup-bus'";
    return (await admin.query<{ pid: number }>(statement)).rows;
  }

  it('comes back by itself when the server ends its session, with one warning, and never has more than one', async () => {
    start();
    await isUp();
    for (let round = 1; round <= 3; round += 1) {
      const [session, ...others] = await sessions();
      expect(others).toEqual([]);
      await admin.query('select pg_terminate_backend($1)', [session!.pid]);
      await eventually(() => ups === 1 + round, { message: 'the bus is back' });
      expect(log.at('warn')).toEqual(Array(round).fill(DOWN));
      expect(log.lines.at(-2)?.fields.reason).toBe('terminating connection due to administrator command');
      expect(log.at('log')).toEqual(Array(round).fill(BACK));
      expect(await bus.publish(ended())).toBe(true);
    }
    expect(log.at('error')).toEqual([]);
  });

  it('answers false for what was under way when its session was ended, soon, and is not harmed', async () => {
    proxy = await TcpProxy.start(database.url);
    start(proxy.url);
    await isUp();
    proxy.freeze();
    const publishing = Array.from({ length: 10 }, () => bus.publish(ended()));
    const [session] = await sessions();
    await admin.query('select pg_terminate_backend($1)', [session!.pid]);
    proxy.heal();
    expect(await Promise.all(publishing)).toEqual(publishing.map(() => false));
    await eventually(() => ups === 2, { message: 'the bus is back' });
    expect(await bus.publish(ended())).toBe(true);
  });

  it('sends a burst with few statements, so that no message waits for all that came before it', async () => {
    proxy = await TcpProxy.start(database.url);
    start(proxy.url);
    await isUp();
    await Promise.all(Array.from({ length: 500 }, () => bus.publish(ended())));
    const [link] = proxy.links;
    expect(link?.said.split('pg_notify').length).toBeLessThan(10);
  });

  it('keeps what the URL says but the name, and holds when the server refuses a message', async () => {
    const url = new URL(database.url);
    url.searchParams.set('options', '-c search_path=refusing,pg_catalog');
    url.searchParams.set('application_name', 'theirs');
    start(url.href);
    await isUp();
    await admin.query('create schema refusing');
    await admin.query("create function refusing.pg_notify(text, text) returns void language plpgsql as 'begin raise ''full''; end'");
    const sessionsBefore = await sessions();
    expect(await bus.publish(ended())).toBe(false);
    await admin.query('drop schema refusing cascade');
    expect(await bus.publish(ended())).toBe(true);
    expect(await sessions()).toEqual(sessionsBefore);
    expect([bus.state, ups, log.lines]).toEqual(['up', 1, []]);
  });

  it('says why it cannot log in, and nothing of the password', async () => {
    const url = new URL(database.url);
    url.username = `nobody_${randomUUID().slice(0, 8)}`;
    url.password = 'hunter2';
    start(url.href);
    await eventually(() => expect(log.at('warn')).toEqual([DOWN]));
    expect(log.lines[0]?.fields.reason).toMatch(/nobody_/);
    expect(JSON.stringify(log.lines)).not.toContain('hunter2');
  });
});
