import { Redis, ReplyError, type RedisOptions } from 'ioredis';
import { endRedis, forgive, redisOptionsOf } from '../redis-client.js';
import type { Connection, ConnectionEvents } from './line.js';
import { ReconnectingTransport } from './reconnecting-transport.js';

/** Seen in CLIENT LIST. */
const NAME = 'hangup-bus';
const LONGEST_END_MS = 250;

const OPTIONS = {
  lazyConnect: true,
  // What every server and proxy speaks. Pub/Sub needs no more.
  protocol: 2,
  // Each connection lives once: `ReconnectingTransport` opens the next one.
  retryStrategy: () => null,
  enableOfflineQueue: false,
  // A server that is still loading its data carries messages already, and INFO is a right that not everybody has.
  enableReadyCheck: false,
  disconnectTimeout: LONGEST_END_MS,
} as const satisfies RedisOptions;

/** Redis Pub/Sub, on any `redis://` or `rediss://` URL that ioredis takes. Throws where the URL cannot be read. */
export class RedisTransport extends ReconnectingTransport {
  constructor(url: string, channel: string) {
    // Never connects itself: others are made of it.
    const template = new Redis({ ...redisOptionsOf(url, NAME), ...OPTIONS });
    super((on) => new RedisConnection(template, channel, on));
  }
}

/** Two connections, because one that listens can say nothing. */
class RedisConnection implements Connection {
  readonly #publisher: Redis;
  readonly #subscriber: Redis;
  readonly #channel: string;
  #why: unknown;

  constructor(template: Redis, channel: string, { onText, onLost }: ConnectionEvents) {
    this.#channel = channel;
    this.#publisher = template.duplicate();
    this.#subscriber = template.duplicate();
    for (const each of [this.#publisher, this.#subscriber]) {
      each.on('error', (error) => {
        this.#why = error;
        forgive(each);
      });
      each.on('end', () => onLost(this.#why ?? new Error('Redis closed the connection')));
    }
    this.#subscriber.on('message', (_channel, text) => onText(text));
  }

  async open(): Promise<void> {
    try {
      await Promise.all([this.#publisher.connect(), this.#subscriber.connect()]);
      await this.#subscriber.subscribe(this.#channel);
    } catch (error) {
      // What ioredis rejects with is mostly that the connection was closed; why, it has told before.
      throw this.#why ?? error;
    }
  }

  send(text: string): Promise<unknown> {
    return this.#publisher.publish(this.#channel, text);
  }

  ping(): Promise<unknown> {
    return Promise.all([this.#publisher, this.#subscriber].map(answers));
  }

  end(): Promise<unknown> {
    return Promise.all([endRedis(this.#publisher), endRedis(this.#subscriber)]);
  }
}

/** A refusal is an answer too: a server that is loading its data has no other, nor has a user without the right. */
async function answers(redis: Redis): Promise<void> {
  try {
    await redis.ping();
  } catch (error) {
    if (!(error instanceof ReplyError)) throw error;
  }
}
