import pg from 'pg';
import { wait } from '../abort/index.js';

/** A subscription to a channel of the database. */
export interface Listening {
  close(): Promise<void>;
}

/** Subscribes to a channel. `onUp` is called at first and again whenever messages may have been missed. */
export type Listen = (channel: string, onMessage: (payload: string) => void, onUp: () => void) => Promise<Listening>;

const FIRST_RETRY_MS = 100;
const LONGEST_RETRY_MS = 5000;

interface Events {
  readonly message: (payload: string) => void;
  readonly up: () => void;
  readonly lost: (error: Error) => void;
}

/** LISTEN on a connection of its own, opened anew whenever it is lost. Rejects where the first one cannot be had. */
export async function listenOn(url: string, channel: string, on: Events): Promise<Listening> {
  const over = new AbortController();
  const first = await open(url, channel, on.message);
  on.up();
  const held = hold(first, () => open(url, channel, on.message), on, over.signal);
  return {
    close: async () => {
      over.abort(new Error('closed'));
      await held;
    },
  };
}

async function hold(first: pg.Client, connect: () => Promise<pg.Client>, on: Events, over: AbortSignal): Promise<void> {
  for (let client: pg.Client | undefined = first; client; client = await reconnected(connect, on, over)) {
    const lost = await endOf(client, over);
    await client.end();
    if (lost) on.lost(lost);
  }
}

/** Tries until there is a connection again; `undefined` once it is over. */
async function reconnected(connect: () => Promise<pg.Client>, on: Events, over: AbortSignal): Promise<pg.Client | undefined> {
  for (let attempt = 0; !over.aborted; attempt += 1) {
    const client = await connect().catch(() => undefined);
    if (client) {
      on.up();
      return client;
    }
    await wait(Math.min(FIRST_RETRY_MS * 2 ** attempt, LONGEST_RETRY_MS), over).catch(() => undefined);
  }
  return undefined;
}

async function open(url: string, channel: string, onMessage: (payload: string) => void): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url, keepAlive: true, connectionTimeoutMillis: 10_000 });
  // Unheard, the end of an idle connection would end the process; `endOf` hears it again.
  client.on('error', () => undefined);
  client.on('notification', ({ payload = '' }) => onMessage(payload));
  try {
    await client.connect();
    await client.query(`listen ${pg.escapeIdentifier(channel)}`);
    return client;
  } catch (error) {
    await client.end();
    throw error;
  }
}

/** Resolves with why the connection was lost, or with nothing once it is over. */
function endOf(client: pg.Client, over: AbortSignal): Promise<Error | undefined> {
  return new Promise((resolve) => {
    client.once('error', resolve);
    client.once('end', () => resolve(new Error('PostgreSQL closed the connection')));
    const onOver = (): void => resolve(undefined);
    if (over.aborted) onOver();
    over.addEventListener('abort', onOver, { once: true });
    client.once('end', () => over.removeEventListener('abort', onOver));
  });
}
