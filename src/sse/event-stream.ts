/** Nothing has come within the time asked for. */
export const IDLE = Symbol('IDLE');

/** A server-sent event as it goes out: `data` is JSON, which has no line breaks of its own. */
export interface ServerEvent {
  /** What a client that comes back names as the last that it has heard. */
  readonly id?: string;
  readonly type: string;
  readonly data: string;
}

/** Where the events of a stream come from. */
export interface ServerEvents {
  /** The next event; `IDLE` when none has come within so many milliseconds, and `undefined` after the last. One at a time. */
  take(withinMs: number): Promise<ServerEvent | typeof IDLE | undefined>;
  /** Nobody reads any more; a `take` under way ends soon. */
  leave(): void;
}

export interface EventStreamOptions {
  /** A comment goes out whenever nothing else did for so long, so that proxies keep the connection open and a vanished client is noticed. */
  readonly heartbeatMs: number;
  /** The last event of a stream whose source has failed after its beginning; none if nobody is there to be told. */
  readonly endOf?: (error: unknown) => ServerEvent | undefined;
}

/**
 * Events as text, for `sendEvents`, which pulls a piece whenever the client has room for it: `@Sse()` would be pushed at, and would keep
 * what a client does not read. What fails before anything has gone out is thrown, so that filters can still answer with a
 * status of their own; after that the stream ends with an event that says so, or breaks off, and its client comes back.
 */
export class EventStream implements AsyncIterableIterator<string> {
  readonly #events: ServerEvents;
  readonly #options: EventStreamOptions;
  #hasBegun = false;

  constructor(events: ServerEvents, options: EventStreamOptions) {
    this.#events = events;
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
    this.#events.leave();
    return Promise.resolve({ done: true, value: undefined });
  }

  async #take(): Promise<ServerEvent | typeof IDLE | undefined> {
    try {
      return await this.#events.take(this.#options.heartbeatMs);
    } catch (error) {
      this.#events.leave();
      const { endOf } = this.#options;
      if (!this.#hasBegun || !endOf) throw error;
      return endOf(error);
    }
  }
}

function toText({ id, type, data }: ServerEvent): string {
  return `${id === undefined ? '' : `id: ${id}\n`}event: ${type}\ndata: ${data}\n\n`;
}
