import { randomUUID } from 'node:crypto';
import { Heartbeat } from './heartbeat.js';
import { within } from './within.js';

const LONGEST_OPENING_MS = 2000;
/** What is not taken within this time is given up: the database knows already. */
const LONGEST_SEND_MS = 250;
/** Texts that begin so are between a line and itself. */
const PROBE = 'probe ';

/** A server's way to carry texts, used for one life: opened once, never mended. */
export interface Connection {
  /** Resolves when it listens. Rejects with what is wrong, also when it is ended meanwhile. */
  open(): Promise<void>;
  /** Resolves when the server has taken the text. Texts arrive in the order in which they were given. */
  send(text: string): Promise<unknown>;
  /** Resolves when the server has answered, over everything that the connection consists of. */
  ping(): Promise<unknown>;
  /** Rejects whatever is still waiting, and leaves nothing open, by force where the other side does not answer. Never rejects. */
  end(): Promise<unknown>;
}

export interface ConnectionEvents {
  readonly onText: (text: string) => void;
  /** It is over. May be called more than once, and for one that was ended. */
  readonly onLost: (why: unknown) => void;
}

export type Connect = (on: ConnectionEvents) => Connection;

/** One life of a connection: opened, proved, watched, and ended once. */
export class Line {
  readonly #connection: Connection;
  readonly #heartbeat: Heartbeat;
  readonly #probe = PROBE + randomUUID();
  readonly #echo = Promise.withResolvers<undefined>();

  /** `onLost` is also called when the connection does not answer any more. */
  constructor(connect: Connect, { onText, onLost }: ConnectionEvents) {
    this.#connection = connect({ onText: (text) => (text.startsWith(PROBE) ? this.#onProbe(text) : onText(text)), onLost });
    this.#heartbeat = new Heartbeat(() => this.#connection.ping(), onLost);
    // Nobody waits for the echo where the opening has failed before.
    this.#echo.promise.catch(() => undefined);
  }

  /**
   * Resolves when what is said here is heard here. That the server took both orders is no proof of it: rights may be lacking, and a
   * pooler may give the two to different sessions.
   */
  async open(): Promise<void> {
    await within(LONGEST_OPENING_MS, this.#prove());
    this.#heartbeat.start();
  }

  /** Resolves with whether the server has taken the text in time; never rejects. */
  async send(text: string): Promise<boolean> {
    try {
      await within(LONGEST_SEND_MS, this.#connection.send(text));
      return true;
    } catch {
      // Slow or gone? It is for the heartbeat to say.
      void this.#heartbeat.beat();
      return false;
    }
  }

  async end(): Promise<void> {
    this.#heartbeat.stop();
    this.#echo.reject(new Error('the connection was ended'));
    await this.#connection.end();
  }

  async #prove(): Promise<void> {
    await this.#connection.open();
    await this.#connection.send(this.#probe);
    await this.#echo.promise;
  }

  #onProbe(text: string): void {
    if (text === this.#probe) this.#echo.resolve(undefined);
  }
}
