import { Line, type Connect } from './line.js';
import type { Transport, TransportEvents } from './transport.js';

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 1000;
/** A line that held for less is no reason to be quick again. */
const STEADY_MS = 5000;

/** Holds one line to a server, and opens another whenever it is lost. */
export class ReconnectingTransport implements Transport {
  readonly #connect: Connect;
  readonly #sending = new Set<Promise<boolean>>();
  /** The line that is open or being opened, and whether it is open. */
  #line?: Line;
  #openSince?: number;
  #attempts = 0;
  #retry?: NodeJS.Timeout;
  #leaving: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  constructor(connect: Connect) {
    this.#connect = connect;
  }

  start(events: TransportEvents): void {
    if (!this.#isClosed) void this.#open(events);
  }

  async send(text: string): Promise<boolean> {
    if (!this.#line || this.#openSince === undefined || this.#isClosed) return false;
    const sending = this.#line.send(text);
    this.#sending.add(sending);
    try {
      return await sending;
    } finally {
      this.#sending.delete(sending);
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#retry);
    await Promise.all(this.#sending);
    this.#leave();
    await this.#leaving;
  }

  /** Never rejects: what fails is told, and tried again later. */
  async #open(events: TransportEvents): Promise<void> {
    let line: Line | undefined;
    try {
      line = new Line(this.#connect, { onText: events.onText, onLost: (why) => this.#lose(line, why, events) });
      this.#line = line;
      await line.open();
    } catch (error) {
      this.#lose(line, error, events);
      return;
    }
    if (this.#line !== line || this.#isClosed) return;
    this.#openSince = performance.now();
    events.onUp();
  }

  #lose(line: Line | undefined, why: unknown, events: TransportEvents): void {
    if (this.#line !== line || this.#isClosed) return;
    if (this.#openSince !== undefined && performance.now() - this.#openSince > STEADY_MS) this.#attempts = 0;
    this.#leave();
    events.onDown(why);
    this.#attempts += 1;
    const ms = Math.min(FIRST_RETRY_MS * 2 ** Math.min(this.#attempts, 10), LONGEST_RETRY_MS);
    this.#retry = setTimeout(() => void this.#open(events), ms);
  }

  #leave(): void {
    const line = this.#line;
    this.#line = undefined;
    this.#openSince = undefined;
    this.#leaving = Promise.all([this.#leaving, line?.end()]);
  }
}
