import { CancelBus } from './cancel-bus.js';
import { PostgresTransport } from './postgres-transport.js';
import { RedisTransport } from './redis-transport.js';

export interface BusConfig {
  readonly kind: 'in-process' | 'redis' | 'postgres';
  readonly redisUrl?: string;
  readonly databaseUrl?: string;
}

/** Instances hear each other if they share a server and this name. */
const CHANNEL = 'hangup_cancels';

/** The bus that is configured, not yet started. Throws where its server is not named. */
export function openBus({ kind, redisUrl, databaseUrl }: BusConfig, channel = CHANNEL): CancelBus {
  switch (kind) {
    case 'in-process':
      return new CancelBus(kind);
    case 'redis':
      return new CancelBus(kind, new RedisTransport(given(redisUrl, kind), channel));
    case 'postgres':
      return new CancelBus(kind, new PostgresTransport(given(databaseUrl, kind), channel));
  }
}

/** To stay within the process instead would lose cancels in silence. */
function given(url: string | undefined, kind: string): string {
  if (url === undefined) throw new Error(`The ${kind} bus needs the URL of its server`);
  return url;
}
