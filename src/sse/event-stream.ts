import { EventBuffer, IDLE } from './event-buffer.js';

/** A server-sent event: its name, and what goes out as JSON. */
export interface ServerEvent {
  readonly type: string;
  readonly data: object;
}

export interface EventStreamOptions<T> {
  /** A comment goes out whenever nothing else did for so long, so that proxies keep the connection open and a vanished client is noticed. */
  readonly heartbeatMs: number;
  /** The last event of a stream whose work has failed after its beginning; none if nobody is there to be told. */
  readonly endOf: (error: unknown) => Promise<T | undefined>;
}

/**
 * The events of a buffer as text, for a handler to return to Nest, which pulls a piece whenever the client has room for it: `@Sse()`
 * would be pushed at, and would keep what a client does not read. Work that fails before anything has gone out is thrown, so that
 * filters can still answer with a status of their own; after that the stream ends with an event that says so.
 */
export class EventStream<T extends ServerEvent> implements AsyncIterableIterator<string> {
  readonly #buffer: EventBuffer<T>;
  readonly #options: EventStreamOptions<T>;
  #hasBegun = false;

  constructor(buffer: EventBuffer<T>, options: EventStreamOptions<T>) {
    this.#buffer = buffer;
    this.#options = options;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<string, undefined>> {
    const event = await this.#take();
    this.#hasBegun = true;
    if (event === IDLE) return { done: false, value: ': \n\n' };
    return event ? { done: false, value: toText(event) } : { done: true, value: undefined };
  }

  /** Not a generator's, which would do nothing for a client that left before the first event was asked for. */
  return(): Promise<IteratorResult<string, undefined>> {
    this.#buffer.leave();
    return Promise.resolve({ done: true, value: undefined });
  }

  async #take(): Promise<T | typeof IDLE | undefined> {
    try {
      return await this.#buffer.take(this.#options.heartbeatMs);
    } catch (error) {
      if (!this.#hasBegun) throw error;
      return await this.#options.endOf(error);
    }
  }
}

/** JSON has no line breaks of its own: one line of data is all of it. */
function toText({ type, data }: ServerEvent): string {
  return `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`;
}
