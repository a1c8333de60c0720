import { isIP } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis, type RedisOptions } from 'ioredis';

/**
 * Everything that a `redis://` or `rediss://` URL says, for clients that are seen as `name` in CLIENT LIST. Throws where the URL cannot be
 * read.
 */
export function redisOptionsOf(url: string, name: string): RedisOptions {
  // ioredis knows the scheme in small letters alone, which is what `href` has.
  const { options } = new Redis(new URL(url).href, { lazyConnect: true, connectionName: name });
  const { host = '', tls } = options;
  // Servers that share an address choose their certificate by the name that is asked for, and ioredis does not ask by itself.
  return { ...options, ...(tls && !isIP(host) && { tls: { servername: host, ...tls } }) };
}

/** ioredis listens for one error of a socket. One that is ended while TLS is greeting has two, and the second would end the process. */
export function forgive(redis: Redis): void {
  const stream = redis.stream as Redis['stream'] | undefined;
  stream?.on('error', () => undefined);
}

/** Resolves when the client has neither a connection nor a timer any more. */
export async function endRedis(redis: Redis): Promise<void> {
  if (redis.status === 'end') return;
  forgive(redis);
  const ended = new Promise((resolve) => redis.once('end', resolve));
  const isBetweenAttempts = redis.status === 'reconnecting';
  redis.disconnect();
  // Then ioredis tells nobody of the end, and gives the last socket, which is gone, its time to go.
  await (isBetweenAttempts ? delay(redis.options.disconnectTimeout) : ended);
}

/** In words alone: ioredis hangs the refused command on its errors, and with it the password. */
export function reasonOf(error: unknown): string {
  const { message, code } = (error ?? {}) as { readonly message?: string; readonly code?: string };
  return [message, code].find(Boolean) ?? String(error);
}
