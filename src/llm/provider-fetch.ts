import { Dispatcher, EnvHttpProxyAgent, fetch as undiciFetch, Pool, type RequestInfo, type RequestInit } from 'undici';

/** As Node's own `fetch` speaks to them: a call that is cut takes its socket with it. */
const OPTIONS = { allowH2: false };

/** The connections to one server. They count themselves: their pool would go through all of them, and is asked whenever one closes. */
class Connections {
  readonly #pool: Pool;
  #count = 0;
  #isToBeLookedAt = false;

  constructor(
    origin: string,
    private readonly onUnused: () => void,
  ) {
    this.#pool = new Pool(origin, OPTIONS)
      .on('connect', () => (this.#count += 1))
      .on('disconnect', () => {
        this.#count -= 1;
        this.#lookLater();
      })
      .on('connectionError', () => this.#lookLater());
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    return this.#pool.dispatch(options, handler);
  }

  /** Not within the event: whoever waits is about to be given another. */
  #lookLater(): void {
    if (this.#count > 0 || this.#isToBeLookedAt) return;
    this.#isToBeLookedAt = true;
    setImmediate(() => this.#look());
  }

  /** A pool keeps what it knows of each connection that it ever had. */
  #look(): void {
    this.#isToBeLookedAt = false;
    if (this.#count > 0 || this.#pool.stats.size > 0) return;
    this.onUnused();
    void this.#pool.close();
  }
}

/**
 * The connections to models. Node's own `fetch` (24.21) opens a new one, TLS and all, to a server whose call it has just cut, and finds out
 * there that nothing is left to be sent: a thousand calls that are cut knock a thousand times more. The `Agent` of undici 8 does not, but
 * goes through all of a server's connections whenever one of them closes, which takes seconds where two thousand do.
 */
class ProviderConnections extends Dispatcher {
  readonly #servers = new Map<string, Connections>();

  override dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const origin = String(options.origin);
    return (this.#servers.get(origin) ?? this.#open(origin)).dispatch(options, handler);
  }

  #open(origin: string): Connections {
    const opened = new Connections(origin, () => {
      if (this.#servers.get(origin) === opened) this.#servers.delete(origin);
    });
    this.#servers.set(origin, opened);
    return opened;
  }
}

/**
 * A `fetch` for clients of models, over connections of its own. Throws the reason of the signal that it is given, as soon as that aborts.
 * `isProxied` where they are to heed `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
 */
export function openProviderFetch(isProxied: boolean): typeof globalThis.fetch {
  const dispatcher = isProxied ? new EnvHttpProxyAgent(OPTIONS) : new ProviderConnections();
  const open = (input: RequestInfo, init?: RequestInit) => undiciFetch(input, { ...init, dispatcher });
  return open as unknown as typeof globalThis.fetch;
}
