/** Nothing has come within the time asked for. */
export const IDLE = Symbol('IDLE');

/** How many events may wait for a reader that is a little slower than the work. */
const CAPACITY = 16;

/**
 * Events on their way from work to the one who reads them. The work is not the reader's: it ends by itself, and goes on without a reader.
 * But it goes no faster than one that reads: `push` waits for room, and so a client that does not read cannot fill the memory.
 */
export class EventBuffer<T extends object> {
  readonly #capacity: number;
  readonly #events: T[] = [];
  /** Nothing comes any more: all was said, or the reader is gone. */
  #isOver = false;
  #failure?: { readonly error: unknown };
  #onArrival = noop;
  #onRoom = noop;

  constructor(capacity = CAPACITY) {
    this.#capacity = capacity;
  }

  /**
   * Hands over an event and resolves when there is room for another, at once if nobody reads any more. Rejects with the reason of
   * `signal`, which only ends the waiting. One at a time.
   */
  async push(event: T, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#isOver) return;
    this.#events.push(event);
    this.#onArrival();
    if (this.#events.length >= this.#capacity) await this.#room(signal);
  }

  /** Nothing comes after `last`. */
  end(last: T): void {
    if (this.#isOver) return;
    this.#events.push(last);
    this.#close();
  }

  /** The reader gets what is there, and then this error. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    this.#failure = { error };
    this.#close();
  }

  /**
   * The next event; `IDLE` when none has come within so many milliseconds, and `undefined` after the last. Throws once what the work
   * failed with. One at a time.
   */
  async take(withinMs: number): Promise<T | typeof IDLE | undefined> {
    if (this.#events.length === 0 && !this.#isOver) await this.#arrival(withinMs);
    const event = this.#events.shift();
    if (event) {
      this.#onRoom();
      return event;
    }
    if (!this.#isOver) return IDLE;
    const failure = this.#failure;
    this.#failure = undefined;
    if (failure) throw failure.error;
    return undefined;
  }

  /** The reader is gone: what it has not taken is dropped, and the work waits for it no longer. */
  leave(): void {
    this.#events.length = 0;
    // Work that is not to go on without its reader is aborted in this turn, and must not have begun anything before that.
    setImmediate(this.#onRoom);
    this.#close();
  }

  #close(): void {
    this.#isOver = true;
    this.#onArrival();
  }

  async #arrival(withinMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), withinMs);
    this.#onArrival = () => resolve(undefined);
    try {
      await promise;
    } finally {
      clearTimeout(timer);
      this.#onArrival = noop;
    }
  }

  async #room(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#onRoom = () => resolve(undefined);
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#onRoom = noop;
    }
  }
}

function noop(): void {
  // Nobody waits.
}
