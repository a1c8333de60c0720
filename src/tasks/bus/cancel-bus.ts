import { randomUUID } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { Logger } from '@nestjs/common';
import { reasonOf } from '../redis-client.js';
import { parseEnvelope, toText, type BusMessage } from './bus-message.js';
import type { Transport } from './transport.js';

/** Called synchronously, so it must not be a promise's: its rejection would be nobody's. */
type Listener = (message: BusMessage) => void;

/**
 * Carries cancels to the instance that works on a task, and ends back. Best effort, at most once: the intent is in the database before
 * it is published, and every instance looks there again. What this instance publishes it hears itself at once, also with the
 * transport down.
 */
export class CancelBus {
  readonly #logger = new Logger('Bus');
  readonly #listeners = new Set<{ readonly hear: Listener }>();
  readonly #onUp = new Set<{ readonly look: () => void }>();
  readonly #transport?: Transport;
  readonly #self = randomUUID();
  #seq = 0;
  #isUp: boolean;
  #isClosed = false;
  #hasWarned = false;
  #hasWarnedOfStrangers = false;
  #lagMs?: number;

  /** Without a transport it stays within this process. */
  constructor(
    readonly kind: 'in-process' | 'redis' | 'postgres',
    transport?: Transport,
  ) {
    this.#transport = transport;
    this.#isUp = transport === undefined;
  }

  /** Begins to listen. A transport that is down is tried again for as long as it takes, with one warning; nothing waits for it. */
  start(): void {
    this.#transport?.start({
      onText: (text) => this.#onText(text),
      onUp: () => this.#setUp(),
      onDown: (why) => this.#setDown(why),
    });
  }

  /** `up`: what is published here is heard by everybody else who is up. In-process it is always up. */
  get state(): 'up' | 'down' {
    return this.#isUp ? 'up' : 'down';
  }

  /**
   * How long the last message of this instance took to come back to it, in milliseconds; `undefined` before the first, and while it is
   * down. Those of others are not measured: their clocks are not ours.
   */
  get lagMs(): number | undefined {
    return this.#lagMs;
  }

  /**
   * Tells this instance before it returns, and everybody else. Resolves with whether it is known to have gone out: soon (about 250 ms)
   * in any case, and never rejects.
   */
  async publish(message: BusMessage): Promise<boolean> {
    if (this.#isClosed) return false;
    const sentAt = performance.now();
    // Given out first, so that what a listener publishes in return comes second everywhere.
    const isSent = this.#send(message, sentAt);
    this.#tell(message);
    if (!this.#transport) this.#lagMs = performance.now() - sentAt;
    return await isSent;
  }

  /** Hears every message, its own instance's included, once each. Returns what ends that. */
  subscribe(listener: Listener): () => void {
    const entry = { hear: listener };
    this.#listeners.add(entry);
    return () => void this.#listeners.delete(entry);
  }

  /**
   * Called whenever the transport has come up, for the first time too: what was published before was lost, so this is the moment to look
   * into the database. Never called in-process. Returns what ends that.
   */
  onUp(listener: () => void): () => void {
    const entry = { look: listener };
    this.#onUp.add(entry);
    return () => void this.#onUp.delete(entry);
  }

  /** Nobody is told anything any more. What is being published may still go out; resolves when no connection is left. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#listeners.clear();
    this.#onUp.clear();
    await this.#transport?.close();
    this.#isUp = false;
  }

  async #send(message: BusMessage, sentAt: number): Promise<boolean> {
    if (!this.#transport) return true;
    this.#seq += 1;
    const text = toText({ from: this.#self, seq: this.#seq, sentAt, message });
    return text !== undefined && (await this.#transport.send(text));
  }

  #onText(text: string): void {
    if (this.#isClosed) return;
    const envelope = parseEnvelope(text);
    if (!envelope) this.#leaveAside();
    else if (envelope.from === this.#self) this.#lagMs = performance.now() - envelope.sentAt;
    else this.#tell(envelope.message);
  }

  #tell(message: BusMessage): void {
    for (const { hear } of this.#listeners) this.#safely(() => hear(message));
  }

  #setUp(): void {
    if (this.#isClosed) return;
    this.#isUp = true;
    if (this.#hasWarned) this.#logger.log({ msg: `[Bus] ${this.kind} is back` });
    this.#hasWarned = false;
    for (const { look } of this.#onUp) this.#safely(look);
  }

  /** One warning for each outage, however often it is tried. */
  #setDown(why: unknown): void {
    if (this.#isClosed) return;
    this.#isUp = false;
    this.#lagMs = undefined;
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const msg = `[Bus] ${this.kind} is not reachable: cancels from other instances arrive with the next heartbeat instead of at once`;
    this.#logger.warn({ msg, reason: reasonOf(why) });
  }

  /** One warning in all: whoever writes to the channel shall not write our log. */
  #leaveAside(): void {
    if (this.#hasWarnedOfStrangers) return;
    this.#hasWarnedOfStrangers = true;
    this.#logger.warn({ msg: '[Bus] Something that is no message of ours was heard and left aside' });
  }

  #safely(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#logger.error({ err: error, msg: '[Bus] A listener failed' });
    }
  }
}
