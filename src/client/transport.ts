import type { Answer, Expected } from './answers.js';
import { ConnectionLostError } from './errors.js';

export type Token = string | (() => string | Promise<string>);

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: FetchInit) => Promise<Answer>;

export interface FetchInit {
  readonly method: string;
  readonly headers: Record<string, string>;
  readonly body?: string | FormData;
  readonly signal?: AbortSignal;
  readonly keepalive?: boolean;
  /** No cookie is needed, ever: over HTTP/1.1 browsers have six connections for requests with them, and six more for those without. */
  readonly credentials: 'include' | 'omit';
}

export interface ClientRequest {
  readonly method?: string;
  readonly path: string;
  /** Goes out as JSON, unless it is a form. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Goes out although the page is left. */
  readonly keepalive?: boolean;
  /** Goes out within this very tick, with the token that is known, where there is one. */
  readonly isUrgent?: boolean;
  /** Open for as long as a task works, and so apart from what must never wait behind such: cancels, and whatever is answered at once. */
  readonly isLasting?: boolean;
  /** A field of its answer, by which Hangup is known. */
  readonly field?: string;
}

export interface TransportOptions {
  readonly baseUrl: string;
  readonly token: Token;
  readonly clientId: string;
  readonly fetch?: Fetch;
}

/** Sends requests with the token and the name of this client. Knows nothing of tasks, and tries nothing twice. */
export class Transport {
  readonly #baseUrl: string;
  readonly #token: Token;
  readonly #clientId: string;
  readonly #fetch: Fetch;
  #known: string | undefined;

  constructor({ baseUrl, token, clientId, fetch }: TransportOptions) {
    this.#baseUrl = baseUrl.replace(/\/+$/, '');
    this.#token = token;
    this.#clientId = clientId;
    // Called as a method of anything but the window, a browser's own refuses to work.
    this.#fetch = fetch ?? ((url, init) => globalThis.fetch(url, init));
  }

  /**
   * The answer to a request, whatever it is. `fetch` is called before this returns where the token is at hand. Throws
   * `ConnectionLostError` where there is no answer.
   */
  async send(request: ClientRequest, signal?: AbortSignal, fetch: Fetch = this.#fetch): Promise<Answer> {
    const token = this.#tokenAtHand(request) ?? (await this.#nextToken());
    const { url, taskId } = this.expected(request);
    // Not every `fetch` looks at a signal that was aborted before.
    if (signal?.aborted) throw signal.reason;
    try {
      return await fetch(url, { ...this.#init(request, token), signal });
    } catch (cause) {
      throw new ConnectionLostError(`${url} cannot be reached.`, { taskId, cause });
    }
  }

  /** By what the answer to a request is known. */
  expected({ path, field, headers }: ClientRequest): Expected {
    return { url: `${this.#baseUrl}${path}`, field, taskId: headers?.['x-task-id'] };
  }

  #init({ method = 'GET', body, headers, keepalive, isLasting }: ClientRequest, token: string): FetchInit {
    const isForm = typeof FormData !== 'undefined' && body instanceof FormData;
    const all = {
      authorization: `Bearer ${token}`,
      'x-client-id': this.#clientId,
      ...(body !== undefined && !isForm && { 'content-type': 'application/json' }),
      ...headers,
    };
    const sent = isForm || body === undefined ? body : JSON.stringify(body);
    const credentials = isLasting ? 'include' : 'omit';
    return { method, headers: all, credentials, ...(sent !== undefined && { body: sent }), ...(keepalive && { keepalive }) };
  }

  #tokenAtHand({ isUrgent }: ClientRequest): string | undefined {
    return typeof this.#token === 'string' ? this.#token : isUrgent ? this.#known : undefined;
  }

  async #nextToken(): Promise<string> {
    this.#known = typeof this.#token === 'string' ? this.#token : await this.#token();
    return this.#known;
  }
}
