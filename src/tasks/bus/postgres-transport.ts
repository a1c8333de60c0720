import { Socket } from 'node:net';
import pg from 'pg';
import type { Connection, ConnectionEvents } from './line.js';
import { ReconnectingTransport } from './reconnecting-transport.js';

/** Seen in `pg_stat_activity`. */
const NAME = 'hangup-bus';
const LONGEST_END_MS = 250;

/** One statement for all that waits, in its order. */
const NOTIFY = 'select pg_notify($1, text) from unnest($2::text[]) with ordinality as batch (text, place) order by place';

/** LISTEN and NOTIFY on a connection of their own, on any URL that the database itself is opened with. */
export class PostgresTransport extends ReconnectingTransport {
  constructor(url: string, channel: string) {
    const own = new URL(url);
    own.searchParams.set('application_name', NAME);
    super((on) => new PostgresConnection(own.href, channel, on));
  }
}

class PostgresConnection implements Connection {
  readonly #client: pg.Client;
  /** Held, because the client waits for the other side to hang up: one that does not answer has to be left without its consent. */
  readonly #socket = new Socket();
  readonly #channel: string;
  readonly #ended: Promise<unknown>;
  #isOpen = false;
  #waiting: string[] = [];
  #next?: Promise<unknown>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(url: string, channel: string, { onText, onLost }: ConnectionEvents) {
    this.#channel = channel;
    this.#client = new pg.Client({ connectionString: url, stream: () => this.#socket, keepAlive: true });
    this.#client.on('error', onLost);
    this.#ended = new Promise((resolve) => this.#client.once('end', resolve));
    // Before it is open `open` rejects, with a better reason.
    void this.#ended.then(() => this.#isOpen && onLost(new Error('PostgreSQL closed the connection')));
    this.#client.on('notification', ({ payload = '' }) => onText(payload));
  }

  async open(): Promise<void> {
    await this.#client.connect();
    this.#isOpen = true;
    await this.#client.query(`listen ${pg.escapeIdentifier(this.#channel)}`);
  }

  /** One statement at a time: what comes while one is under way waits, and goes out together. */
  send(text: string): Promise<unknown> {
    this.#waiting.push(text);
    this.#next ??= this.#last = this.#last.then(
      () => this.#notify(),
      () => this.#notify(),
    );
    return this.#next;
  }

  ping(): Promise<unknown> {
    return this.#client.query('select 1');
  }

  async end(): Promise<void> {
    // A client that is asked to end while it connects would leave that promise pending for ever.
    if (this.#isOpen) void this.#client.end();
    else this.#socket.destroy();
    const force = setTimeout(() => this.#socket.destroy(), LONGEST_END_MS);
    await this.#ended;
    clearTimeout(force);
  }

  #notify(): Promise<unknown> {
    const texts = this.#waiting;
    this.#waiting = [];
    this.#next = undefined;
    return this.#client.query(NOTIFY, [this.#channel, texts]);
  }
}
