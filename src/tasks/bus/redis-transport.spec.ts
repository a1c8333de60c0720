import { randomUUID } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer, getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Redis } from 'ioredis';
import { RecordingLogger } from '../../../test/support/abort-log.js';
import { OwnRedis, startsRedis } from '../../../test/support/redis.js';
import { selfSigned } from '../../../test/support/self-signed.js';
import { eventually, HandleWatch } from '../../testing/index.js';
import { openBus, type BusMessage, type CancelBus } from './index.js';

const DOWN = '[Bus] redis is not reachable: cancels from other instances arrive with the next heartbeat instead of at once';
const PASSWORD = 'p@ss:w/rd?#%';

function ended(): BusMessage {
  return { type: 'ended', owner: 'learner', taskId: randomUUID() };
}

(startsRedis ? describe : describe.skip)('The bus on a Redis of its own', () => {
  let log: RecordingLogger;
  let buses: CancelBus[];
  let admins: Redis[];
  const servers: OwnRedis[] = [];

  beforeEach(() => {
    log = RecordingLogger.install();
    [buses, admins] = [[], []];
  });
  afterEach(async () => {
    for (const admin of admins) admin.disconnect();
    await Promise.all(buses.map((bus) => bus.close()));
    Logger.overrideLogger(false);
  });
  afterAll(() => Promise.all(servers.map((server) => server.remove())));

  async function redis(...args: readonly string[]): Promise<OwnRedis> {
    const server = await OwnRedis.prepare(...args);
    servers.push(server);
    return server;
  }

  function start(redisUrl: string): CancelBus {
    const bus = openBus({ kind: 'redis', redisUrl }, 'hangup_test');
    buses.push(bus);
    bus.start();
    return bus;
  }

  async function isUp(bus: CancelBus): Promise<void> {
    await eventually(() => bus.state === 'up', { message: 'the bus is up' });
  }

  /** Whether both are up, and what one says the other hears. */
  async function carries(...urls: readonly [string, string]): Promise<void> {
    const [from, to] = urls.map(start) as [CancelBus, CancelBus];
    await Promise.all([isUp(from), isUp(to)]);
    const heard: BusMessage[] = [];
    to.subscribe((each) => void heard.push(each));
    const message = ended();
    expect(await from.publish(message)).toBe(true);
    await eventually(() => expect(heard).toEqual([message]));
    expect(log.lines).toEqual([]);
  }

  /** The bus stays down, has said so once, and in no line anything of the secret. */
  async function isRefused(bus: CancelBus, reason: RegExp): Promise<void> {
    await eventually(() => expect(log.at('warn')).toEqual([DOWN]));
    expect(log.lines[0]?.fields.reason).toMatch(reason);
    expect(bus.state).toBe('down');
    expect(JSON.stringify(log.lines)).not.toMatch(/p@ss|p%40ss|hunter2/);
  }

  it('comes up when the server is started after it, outlives the death of the server, and comes back with the next one', async () => {
    const server = await redis();
    const [one, other] = [start(server.url), start(server.url)];
    const heard: BusMessage[] = [];
    other.subscribe((message) => void heard.push(message));
    let ups = 0;
    one.onUp(() => (ups += 1));
    await eventually(() => expect(log.at('warn')).toEqual([DOWN, DOWN]));
    expect(log.lines[0]?.fields.reason).toBe(`connect ECONNREFUSED 127.0.0.1:${server.port}`);
    for (let life = 1; life <= 2; life += 1) {
      await server.start();
      await Promise.all([isUp(one), isUp(other)]);
      const message = ended();
      expect(await one.publish(message)).toBe(true);
      await eventually(() => expect(heard).toContainEqual(message));
      await server.kill();
      await eventually(() => one.state === 'down' && other.state === 'down');
      expect(await one.publish(ended())).toBe(false);
      expect([ups, log.at('warn').length]).toEqual([life, 2 + 2 * life]);
    }
    expect(log.at('error')).toEqual([]);
  });

  it.each(['publisher', 'subscriber'] as const)(
    'is whole again when the server has closed the connection of its %s alone',
    async (which) => {
      const server = await redis();
      await server.start();
      const admin = new Redis(server.url);
      admins.push(admin);
      const bus = start(server.url);
      await isUp(bus);
      let ups = 0;
      bus.onUp(() => (ups += 1));
      const clients = String(await admin.client('LIST')).split('\n');
      const channels = which === 'subscriber' ? ' sub=1 ' : ' sub=0 ';
      const its = clients.filter((each) => each.includes(' name=hangup-bus ') && each.includes(channels));
      expect(its).toHaveLength(1);
      await admin.call('CLIENT', 'KILL', 'ID', /^id=(\d+)/.exec(its[0]!)![1]!);
      // By the end of the connection itself, and not by a question that it leaves unanswered.
      await eventually(() => ups === 1, { timeoutMs: 1000 });
      expect(log.at('warn')).toEqual([DOWN]);
      expect(bus.state).toBe('up');
      expect(await bus.publish(ended())).toBe(true);
      await eventually(() => expect(bus.lagMs).toBeGreaterThan(0));
      const now = String(await admin.client('LIST')).split('name=hangup-bus ').length - 1;
      expect(now).toBe(2);
    },
  );

  describe('with users', () => {
    let server: OwnRedis;

    beforeAll(async () => {
      const users = [
        'hangup on >hunter2 resetchannels &hangup_test +subscribe +publish +select',
        'deaf on >hunter2 allchannels +publish',
        'mute on >hunter2 allchannels +subscribe',
        'elsewhere on >hunter2 resetchannels &other +@all',
      ];
      server = await redis('--requirepass', PASSWORD, ...users.flatMap((user) => ['--user', ...user.split(' ')]));
      await server.start();
    });

    function urlOf(user: string, password: string, path = ''): string {
      return server.url.replace('redis://', `redis://${user}:${encodeURIComponent(password)}@`) + path;
    }

    it('logs in with the password of a URL, whatever is in it, and with any database number, which channels do not have', async () => {
      await carries(urlOf('', PASSWORD), urlOf('default', PASSWORD, '/5'));
    });

    it('needs no more rights than to publish and to subscribe on its channel, and does not grumble', async () => {
      const grumbling = jest.spyOn(console, 'warn').mockImplementation(() => undefined);
      await carries(urlOf('hangup', 'hunter2'), urlOf('hangup', 'hunter2', '/3'));
      const admin = new Redis(urlOf('default', PASSWORD));
      admins.push(admin);
      await eventually(async () => expect(JSON.stringify(await admin.call('ACL', 'LOG'))).toContain('ping'));
      await carries(urlOf('hangup', 'hunter2'), urlOf('hangup', 'hunter2'));
      expect(buses.map(({ state }) => state)).toEqual(buses.map(() => 'up'));
      expect(grumbling).not.toHaveBeenCalled();
      grumbling.mockRestore();
    });

    it.each([
      ['a wrong password', 'default', 'hunter2', /^WRONGPASS/],
      ['no such user', 'nobody', PASSWORD, /^WRONGPASS/],
      ['no right to subscribe', 'deaf', 'hunter2', /^NOPERM/],
      ['no right to publish', 'mute', 'hunter2', /^NOPERM/],
      ['no right to the channel', 'elsewhere', 'hunter2', /^NOPERM/],
    ])('with %s it stays down, and says why without saying the password', async (_, user, password, reason) => {
      await isRefused(start(urlOf(user, password)), reason);
    });

    it('without a password it stays down', async () => {
      await isRefused(start(server.url), /^NOAUTH/);
    });
  });

  describe('over TLS', () => {
    const trusted = getCACertificates('default');
    const { key, cert } = selfSigned('localhost');
    let folder: string;
    let server: OwnRedis;
    let url: string;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'hangup-tls-'));
      const [keyFile, certFile] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
      await Promise.all([writeFile(keyFile, key), writeFile(certFile, cert)]);
      const files = ['--tls-key-file', keyFile, '--tls-cert-file', certFile, '--tls-auth-clients', 'no'];
      const probe = await redis();
      server = await redis('--requirepass', PASSWORD, '--tls-port', String(probe.port), ...files);
      await server.start();
      url = `rediss://:${encodeURIComponent(PASSWORD)}@localhost:${probe.port}/2`;
    });
    afterEach(() => setDefaultCACertificates(trusted));
    afterAll(() => rm(folder, { recursive: true }));

    it('speaks through it with a rediss:// URL, in whatever letters', async () => {
      setDefaultCACertificates([cert]);
      await carries(url, url.replace('rediss://', 'REDISS://'));
    });

    it('does not trust a certificate that nobody vouches for, and survives every time that it finds one', async () => {
      // One by one: it takes two connections of which one is ended while the other is being refused.
      for (let round = 1; round <= 20; round += 1) {
        const bus = start(url);
        await eventually(() => expect(log.at('warn')).toHaveLength(round));
        expect(log.lines.at(-1)?.fields.reason).toMatch(/self.signed certificate/);
        expect(bus.state).toBe('down');
        await bus.close();
      }
    });

    it('may be closed in the midst of its greeting', async () => {
      setDefaultCACertificates([cert]);
      for (let turns = 0; turns < 40; turns += 1) {
        const handles = new HandleWatch();
        const bus = start(url);
        for (let turn = 0; turn < turns; turn += 1) await new Promise((resolve) => setImmediate(resolve));
        await bus.close();
        await handles.nothingIsLeft();
      }
      expect(log.lines).toEqual([]);
    });

    it('asks for the server by its name, so that one that has many can answer', async () => {
      const asked: string[] = [];
      const SNICallback = (name: string, answer: (error: Error) => void): void => {
        asked.push(name);
        answer(new Error('none of mine'));
      };
      const many = createServer({ SNICallback });
      many.on('tlsClientError', () => undefined);
      await new Promise<void>((resolve) => many.listen(0, 'localhost', resolve));
      start(`rediss://localhost:${(many.address() as AddressInfo).port}`);
      try {
        await eventually(() => expect(asked).toContain('localhost'));
      } finally {
        await Promise.all(buses.map((bus) => bus.close()));
        await new Promise((resolve) => many.close(resolve));
      }
    });
  });
});
