import { Dispatcher, EnvHttpProxyAgent, fetch as undiciFetch, Pool, type RequestInfo, type RequestInit } from 'undici';
import { deriveSignal, whenAborted, type AbortContext, type AbortFrame, type DerivedSignal } from '../abort/index.js';

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

  /**
   * A pool keeps what it knows of each connection that it ever had, and is left to the collector with that: to close it would take a tenth of
   * a second where thousands have just been cut. One that is still being opened has something waiting.
   */
  #look(): void {
    this.#isToBeLookedAt = false;
    if (this.#count > 0 || this.#pool.stats.size > 0) return;
    this.onUnused();
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
 * One request, whose socket is closed by the ambient signal itself once it has one, before anything between here and there has heard of the
 * abort. What asked for it is told when that unwinds.
 */
class CutFirst implements Dispatcher.DispatchHandler {
  readonly #handler: Dispatcher.DispatchHandler;
  readonly #context: AbortContext;
  readonly #frame: AbortFrame;
  readonly #cut: DerivedSignal;
  /** The call that hands it to the connections has returned. */
  isHandedOver = false;

  constructor(handler: Dispatcher.DispatchHandler, context: AbortContext, frame: AbortFrame, signal: AbortSignal) {
    this.#handler = handler;
    this.#context = context;
    this.#frame = frame;
    this.#cut = deriveSignal([signal], { isStackless: true });
  }

  onRequestStart(controller: Dispatcher.DispatchController, context: unknown): void {
    // What has waited for its turn may have missed its deadline, and no timer has said so if the process stood still meanwhile.
    if (this.isHandedOver) this.#frame.scope.look();
    const { signal } = this.#cut;
    whenAborted(signal, () => controller.abort(nobodyWaits(signal)));
    this.#handler.onRequestStart?.(controller, context);
  }

  onBodySent(chunk: Buffer): void {
    this.#handler.onBodySent?.(chunk);
  }

  onRequestSent(): void {
    this.#handler.onRequestSent?.();
  }

  onResponseStarted(): void {
    this.#handler.onResponseStarted?.();
  }

  onResponseStart(...args: ParametersOf<'onResponseStart'>): void {
    this.#handler.onResponseStart?.(...args);
  }

  onResponseData(...args: ParametersOf<'onResponseData'>): void {
    this.#handler.onResponseData?.(...args);
  }

  onResponseEnd(...args: ParametersOf<'onResponseEnd'>): void {
    this.#cut[Symbol.dispose]();
    this.#handler.onResponseEnd?.(...args);
  }

  onResponseError(...args: ParametersOf<'onResponseError'>): void {
    this.#cut[Symbol.dispose]();
    const tell = (): void => this.#handler.onResponseError?.(...args);
    if (this.#cut.signal.aborted) this.#context.unwind(tell, this.#frame);
    else tell();
  }
}

/** An error of its own name: what calls itself an abort, undici's `fetch` takes for one of the signal that it was given. */
function nobodyWaits({ reason }: AbortSignal): Error {
  return new Error('Nobody waits for the answer.', { cause: reason });
}

type ParametersOf<K extends keyof Dispatcher.DispatchHandler> = Parameters<NonNullable<Dispatcher.DispatchHandler[K]>>;

/**
 * A `fetch` for clients of models, over connections of its own. Throws the reason of the signal that it is given, as soon as that aborts, and
 * closes the socket as soon as the ambient one does. `isProxied` where they are to heed `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY`.
 */
export function openProviderFetch(isProxied: boolean, context: AbortContext): typeof globalThis.fetch {
  const connections = isProxied ? new EnvHttpProxyAgent(OPTIONS) : new ProviderConnections();
  const open = (input: RequestInfo, init?: RequestInit) => {
    const { frame } = context;
    return undiciFetch(input, { ...init, dispatcher: frame ? cutFirst(connections, context, frame) : connections });
  };
  return open as unknown as typeof globalThis.fetch;
}

/**
 * The connections as one call sees them. The ambient signal is looked at here, and not again while undici sets the call up: a look may find
 * that a deadline has passed, and abort, and undici's `fetch` ends the process where its signal aborts while it calls its dispatcher.
 */
export function cutFirst(connections: Dispatcher, context: AbortContext, frame: AbortFrame): Dispatcher {
  const { signal } = frame.scope;
  return connections.compose((dispatch) => (options, handler) => {
    // Not even a connection is opened for it.
    if (signal.aborted) throw nobodyWaits(signal);
    const request = new CutFirst(handler, context, frame, signal);
    const isReady = dispatch(options, request);
    request.isHandedOver = true;
    return isReady;
  });
}
