import { Logger } from '@nestjs/common';
import { Redis, type RedisOptions } from 'ioredis';
import { endRedis, forgive, reasonOf, redisOptionsOf } from '../redis-client.js';
import type { TaskKey } from '../task.js';
import type { EventLimits } from './event-limits.js';
import { EventLog, type LoggedEvent } from './event-log.js';
import type { EventPosition, TaskEvent } from './task-event.js';

/** Seen in CLIENT LIST. */
const NAME = 'hangup-events';
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 1000;
const LONGEST_CONNECT_MS = 2000;

const OPTIONS = {
  // What every server and proxy speaks, with replies of one shape.
  protocol: 2,
  retryStrategy: (times) => Math.min(FIRST_RETRY_MS * 2 ** Math.min(times, 10), LONGEST_RETRY_MS),
  // What cannot be said now fails now: whoever writes knows how long it is worth trying, and in which order.
  enableOfflineQueue: false,
  maxRetriesPerRequest: 0,
  // A server that is still loading its data says so to each command, and INFO is a right that not everybody has.
  enableReadyCheck: false,
  connectTimeout: LONGEST_CONNECT_MS,
  // The socket before the command: a connection that was cut silently is given up, and not merely what was said on it.
  socketTimeout: 1500,
  commandTimeout: 2000,
  disconnectTimeout: 250,
  lazyConnect: false,
} as const satisfies RedisOptions;

/** What XADD says of an id that is not after the last one. */
const NOT_AFTER = 'ERR The ID specified in XADD is equal or smaller';

/**
 * A stream for each task, whose ids are the positions: Redis itself refuses what it has, and what a former attempt tells late. A stream
 * is gone when its task has told nothing for `ttlMs`. Connects by itself, and again whenever the server comes back; while it is away
 * everything rejects at once, with one warning in all.
 */
export class RedisEventLog extends EventLog {
  readonly #logger = new Logger('Events');
  readonly #redis: Redis;
  readonly #limits: EventLimits;
  #why: unknown;
  #isUp = false;
  #hasWarned = false;
  #isClosed = false;

  /** Throws where the URL cannot be read. */
  constructor(url: string, limits: EventLimits) {
    super();
    this.#limits = limits;
    this.#redis = new Redis({ ...redisOptionsOf(url, NAME), ...OPTIONS });
    this.#redis.on('error', (error) => {
      this.#why = error;
      forgive(this.#redis);
    });
    this.#redis.on('ready', () => this.#setUp());
    this.#redis.on('close', () => this.#setDown());
  }

  async append(events: readonly LoggedEvent[]): Promise<void> {
    if (events.length === 0) return;
    const { perTask, ttlMs } = this.#limits;
    const pipeline = this.#redis.pipeline();
    for (const { task, event } of events) {
      const { attempt, sequence, type, data } = event;
      pipeline.xadd(keyOf(task), 'MAXLEN', '~', perTask, `${attempt}-${sequence}`, 'type', type, 'data', data);
    }
    for (const key of new Set(events.map(({ task }) => keyOf(task)))) pipeline.pexpire(key, ttlMs);
    const replies = await this.#said(pipeline.exec());
    const failure = replies?.find(([error]) => error && !error.message.startsWith(NOT_AFTER))?.[0];
    if (failure) throw this.#toError(failure);
  }

  async read(task: TaskKey, after: EventPosition | undefined, limit: number): Promise<TaskEvent[]> {
    const start = after ? `(${after.attempt}-${after.sequence}` : '-';
    const entries = await this.#said(this.#redis.xrange(keyOf(task), start, '+', 'COUNT', limit));
    return entries.map(toEvent);
  }

  /** Redis forgets by itself. */
  async sweep(): Promise<void> {
    await Promise.resolve();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await endRedis(this.#redis);
  }

  async #said<T>(answer: Promise<T>): Promise<T> {
    try {
      return await answer;
    } catch (error) {
      throw this.#toError(error);
    }
  }

  /** What ioredis rejects with while it is down is that it is down; why, it has told before. */
  #toError(error: unknown): Error {
    return new Error(`Redis did not take events: ${reasonOf(this.#isUp ? error : (this.#why ?? error))}`);
  }

  #setUp(): void {
    this.#isUp = true;
    this.#why = undefined;
    if (this.#hasWarned) this.#logger.log({ msg: '[Events] redis is back' });
    this.#hasWarned = false;
  }

  /** One warning for each outage, however often it is tried. */
  #setDown(): void {
    this.#isUp = false;
    if (this.#isClosed || this.#hasWarned) return;
    this.#hasWarned = true;
    const msg =
      '[Events] redis is not reachable: readers on other instances wait, and what is told for longer than seconds is lost to them';
    this.#logger.warn({ msg, reason: reasonOf(this.#why ?? new Error('Redis closed the connection')) });
  }
}

/** An owner is whatever an identity provider says; written as in a URL it has no colon and no blank. */
function keyOf({ owner, id }: TaskKey): string {
  return `hangup:events:${encodeURIComponent(owner.toWellFormed())}:${id}`;
}

function toEvent([id, [, type = '', , data = '']]: [id: string, fields: string[]]): TaskEvent {
  const [attempt, sequence] = id.split('-').map(Number) as [number, number];
  return { attempt, sequence, type, data };
}
