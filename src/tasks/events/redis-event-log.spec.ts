import { randomUUID } from 'node:crypto';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { RecordingLogger } from '../../../test/support/abort-log.js';
import { OwnRedis, startsRedis } from '../../../test/support/redis.js';
import { TcpProxy } from '../../../test/support/tcp-proxy.js';
import { eventually, HandleWatch } from '../../testing/index.js';
import { endRedis } from '../redis-client.js';
import type { TaskKey } from '../task.js';
import type { TaskEvent } from './index.js';
import { RedisEventLog } from './redis-event-log.js';

const DOWN = '[Events] redis is not reachable: readers on other instances wait, and what is told for longer than seconds is lost to them';
const BACK = '[Events] redis is back';
const PASSWORD = 'p@ss:w/rd?#%';
const LIMITS = { perTask: 1000, ttlMs: 60_000 };

(startsRedis ? describe : describe.skip)('The event log on a Redis of its own', () => {
  let log: RecordingLogger;
  let task: TaskKey;
  let server: OwnRedis;
  let clients: { close(): Promise<void> }[];

  beforeEach(() => {
    log = RecordingLogger.install();
    task = { owner: 'a:b %', id: randomUUID() };
    clients = [];
  });
  afterEach(async () => {
    await Promise.all(clients.map((each) => each.close()));
    await server.remove();
    Logger.overrideLogger(false);
  });

  async function prepare(...args: readonly string[]): Promise<OwnRedis> {
    server = await OwnRedis.prepare(...args);
    return server;
  }

  async function running(...args: readonly string[]): Promise<OwnRedis> {
    await (await prepare(...args)).start();
    return server;
  }

  function open(url = server.url): RedisEventLog {
    const events = new RedisEventLog(url, LIMITS);
    clients.push(events);
    return events;
  }

  async function proxied(): Promise<TcpProxy> {
    const proxy = await TcpProxy.start(server.url);
    clients.push({ close: () => proxy.stop() });
    return proxy;
  }

  function admin(): Redis {
    const redis = new Redis(server.url);
    clients.push({ close: () => endRedis(redis) });
    return redis;
  }

  const event = (sequence: number): TaskEvent => ({ attempt: 1, sequence, type: 'text-delta', data: 'x' });
  const tell = (events: RedisEventLog, sequence: number): Promise<void> => events.append([{ task, event: event(sequence) }]);
  const isUp = (events: RedisEventLog): Promise<unknown> => eventually(() => events.read(task, undefined, 1));
  const lines = (): unknown[] => log.lines.map(({ level, msg }) => [level, msg]);

  it('has nothing to say of a server that is there, and keeps a stream for each task under a name that no other has, for a while', async () => {
    await running();
    const events = open();
    await isUp(events);
    await tell(events, 1);
    const redis = admin();
    const key = `hangup:events:a%3Ab%20%25:${task.id}`;
    expect(await redis.keys('*')).toEqual([key]);
    expect(await redis.pttl(key)).toBeGreaterThan(LIMITS.ttlMs - 10_000);
    await redis.pexpire(key, 5000);
    await tell(events, 2);
    expect(await redis.pttl(key)).toBeGreaterThan(LIMITS.ttlMs - 10_000);
    expect(await redis.client('LIST')).toContain('name=hangup-events ');
    expect(log.lines).toEqual([]);
  });

  it('comes up when the server is started after it, and again with every further one: one warning and one line each', async () => {
    await prepare();
    const events = open();
    await expect(tell(events, 1)).rejects.toThrow(/^Redis did not take events: /);
    await eventually(() => expect(log.at('warn')).toEqual([DOWN]));
    expect(log.lines[0]?.fields.reason).toBe(`connect ECONNREFUSED 127.0.0.1:${server.port}`);
    await expect(tell(events, 1)).rejects.toThrow(`Redis did not take events: connect ECONNREFUSED 127.0.0.1:${server.port}`);
    for (let life = 1; life <= 2; life += 1) {
      await server.start();
      await isUp(events);
      await tell(events, 1);
      await tell(events, 2);
      expect(await events.read(task, undefined, 10)).toEqual([event(1), event(2)]);
      await server.kill();
      await eventually(() => expect(log.at('warn')).toHaveLength(1 + life));
      await expect(tell(events, 3)).rejects.toThrow();
      expect(lines()).toEqual([
        ['warn', DOWN],
        ...Array.from({ length: life }, () => [
          ['log', BACK],
          ['warn', DOWN],
        ]).flat(),
      ]);
    }
  });

  it('says so when the server refuses, and when it takes something for late: only the first is a failure', async () => {
    await running();
    const events = open();
    await isUp(events);
    await tell(events, 5);
    await tell(events, 5);
    await tell(events, 4);
    const other = { ...task, id: randomUUID() };
    await admin().set(`hangup:events:a%3Ab%20%25:${other.id}`, 'no stream');
    const both = [
      { task, event: event(4) },
      { task: other, event: event(1) },
      { task, event: event(6) },
    ];
    await expect(events.append(both)).rejects.toThrow('Redis did not take events: WRONGTYPE');
    await expect(events.read(other, undefined, 10)).rejects.toThrow('WRONGTYPE');
    expect(await events.read(task, undefined, 10)).toEqual([event(5), event(6)]);
    await admin().config('SET', 'maxmemory', '1');
    await expect(tell(events, 7)).rejects.toThrow('OOM');
    expect(log.lines).toEqual([]);
  });

  it('gives up a server that has stopped answering within seconds, and what was said to it, and connects anew', async () => {
    await running();
    const proxy = await proxied();
    const events = open(proxy.url);
    await isUp(events);
    proxy.freeze();
    const [append, read] = await Promise.allSettled([tell(events, 1), events.read(task, undefined, 1)]);
    expect([append.status, read.status]).toEqual(['rejected', 'rejected']);
    await eventually(() => expect(log.at('warn')).toEqual([DOWN]));
    expect(log.lines[0]?.fields.reason).toMatch(/^Socket timeout/);
    await expect(tell(events, 1)).rejects.toThrow();
    proxy.heal();
    await isUp(events);
    await eventually(() => expect(log.at('log').at(-1)).toBe(BACK));
    await tell(events, 1);
    expect(await events.read(task, undefined, 10)).toEqual([event(1)]);
  });

  it('rejects what is under way when the connection breaks, instead of keeping it for the next one', async () => {
    await running();
    const proxy = await proxied();
    const events = open(proxy.url);
    await isUp(events);
    proxy.freeze();
    const telling = Array.from({ length: 20 }, (_, index) => tell(events, index + 1));
    const settled = Promise.allSettled(telling);
    proxy.cut();
    expect((await settled).map(({ status }) => status)).toEqual(Array(20).fill('rejected'));
    proxy.heal();
    await isUp(events);
    expect(await events.read(task, undefined, 100)).toEqual([]);
  });

  it('puts no password into a line or an error, whatever the server says to it', async () => {
    await running('--requirepass', 'hunter2');
    const url = `redis://:${encodeURIComponent(PASSWORD)}@127.0.0.1:${server.port}`;
    const events = open(url);
    await eventually(() => expect(log.at('warn')).toEqual([DOWN]));
    expect(log.lines[0]?.fields.reason).toMatch(/^WRONGPASS/);
    const errors: unknown[] = [await tell(events, 1).catch((error: unknown) => error)];
    const stranger = open();
    errors.push(
      await eventually(async () => await tell(stranger, 1).catch((error: unknown) => (String(error).includes('NOAUTH') ? error : false))),
    );
    const said = JSON.stringify(log.lines) + inspect(errors, { depth: 10, showHidden: true });
    expect(said).toContain('WRONGPASS');
    expect(said).not.toMatch(/p@ss|p%40ss|hunter2/);
    const right = open(`redis://:hunter2@127.0.0.1:${server.port}`);
    await isUp(right);
    await tell(right, 1);
  });

  describe('leaves neither a socket nor a timer when it is closed, soon and silently', () => {
    let handles: HandleWatch;
    let proxy: TcpProxy;
    let events: RedisEventLog;

    beforeEach(async () => {
      await running();
      proxy = await proxied();
      handles = new HandleWatch();
    });

    async function closes(): Promise<void> {
      await events.close();
      for (const link of proxy.links) link.cut();
      await handles.nothingIsLeft();
      await events.close();
      await expect(tell(events, 1)).rejects.toThrow();
    }

    it('in the moment in which it was opened', async () => {
      events = open(proxy.url);
      await closes();
      expect(log.lines).toEqual([]);
    });

    it('while it is up', async () => {
      events = open(proxy.url);
      await isUp(events);
      await tell(events, 1);
      await closes();
      expect(log.lines).toEqual([]);
    });

    it('between two attempts', async () => {
      proxy.cut();
      events = open(proxy.url);
      await eventually(() => proxy.accepted >= 3);
      await closes();
      expect(lines()).toEqual([['warn', DOWN]]);
    });

    it('while the server does not answer, with something under way', async () => {
      events = open(proxy.url);
      await isUp(events);
      proxy.freeze();
      const telling = tell(events, 1).catch((error: unknown) => error);
      await closes();
      expect(await telling).toBeInstanceOf(Error);
      expect(log.lines).toEqual([]);
    });
  });
});
