import { randomUUID } from 'node:crypto';
import { Redis } from 'ioredis';
import pg from 'pg';
import { openBus, type CancelBus } from '../../src/tasks/bus/index.js';
import { createScratchDatabase, runsPostgres } from './backends.js';
import { REDIS_URL, runsRedis } from './redis.js';
import type { ProxiedLink } from './tcp-proxy.js';

/** A server that a bus speaks through, watched from beside. */
export interface BusServer {
  readonly kind: CancelBus['kind'];
  readonly url: string;
  /** A bus on this server, or on another way to it; not started yet. */
  bus(channel: string, url?: string): CancelBus;
  /** Writes to the channel past every bus. */
  say(channel: string, text: string): Promise<void>;
  /** The connections that buses hold here. */
  connections(): Promise<number>;
  /** Whether the server's messages come through this connection. */
  isListening(link: ProxiedLink): boolean;
  close(): Promise<void>;
}

export interface BusServerKind {
  readonly kind: CancelBus['kind'];
  /** Without it tests are registered as skipped, aloud. */
  readonly isHere: boolean;
  open(): Promise<BusServer>;
}

export const busServers: readonly BusServerKind[] = [
  { kind: 'redis', isHere: runsRedis, open: openRedis },
  { kind: 'postgres', isHere: runsPostgres, open: openPostgres },
];

async function openRedis(): Promise<BusServer> {
  const name = `hangup-test-${randomUUID()}`;
  const named = new URL(REDIS_URL);
  named.searchParams.set('connectionName', name);
  const redis = new Redis(REDIS_URL, { lazyConnect: true });
  await redis.connect();
  return {
    kind: 'redis',
    url: named.href,
    bus: (channel, url = named.href) => openBus({ kind: 'redis', redisUrl: url }, channel),
    say: async (channel, text) => {
      await redis.publish(channel, text);
    },
    connections: async () => String(await redis.client('LIST')).split(`name=${name} `).length - 1,
    isListening: ({ said }) => said.includes('subscribe'),
    close: async () => {
      await redis.quit();
    },
  };
}

async function openPostgres(): Promise<BusServer> {
  const { url, drop } = await createScratchDatabase();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const count = "select 1 from pg_stat_activity where datname = current_database() and application_name = 'hangup-bus'";
  return {
    kind: 'postgres',
    url,
    bus: (channel, ownUrl = url) => openBus({ kind: 'postgres', databaseUrl: ownUrl }, channel),
    say: async (channel, text) => {
      await client.query('select pg_notify($1, $2)', [channel, text]);
    },
    connections: async () => (await client.query(count)).rowCount ?? 0,
    isListening: ({ said }) => said.includes('listen'),
    close: async () => {
      await client.end();
      await drop();
    },
  };
}
