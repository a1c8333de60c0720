import { request, Agent, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { performance } from 'node:perf_hooks';
import { text } from 'node:stream/consumers';
import { FORM_TYPE, toForm, type FormFile } from './form.js';

/** An answer as it came over the socket. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The body parsed as JSON. Throws where it is none. */
  json<T = Record<string, unknown>>(): T;
}

/** A request under way, over a socket that can be cut. */
export interface Call {
  /** The answer, or `undefined` once the client has hung up. Rejects where the connection failed without our doing. */
  readonly answer: Promise<Answer | undefined>;
  /** Cuts the socket, as a phone does that navigates away. Resolves with the moment (`performance.now()`) when it was cut. */
  hangUp(): Promise<number>;
  /** The port of this end, once there is a connection: the server knows the request by it. */
  readonly localPort?: number;
}

export interface CallOptions {
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
  /** Files, sent as multipart/form-data under the field `files`. In place of `body`. */
  readonly form?: readonly FormFile[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** A client that hangs up when told to: a simulated disconnect, over a real socket. */
export class SocketClient {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(url: string, headers: Readonly<Record<string, string>> = {}) {
    this.#url = new URL(url);
    this.#headers = headers;
  }

  get(path: string, headers?: Readonly<Record<string, string>>): Call {
    return this.call({ path, headers });
  }

  post(path: string, body: unknown, headers?: Readonly<Record<string, string>>): Call {
    return this.call({ method: 'POST', path, body, headers });
  }

  call({ method = 'GET', path, body, form, headers = {} }: CallOptions): Call {
    const json = body === undefined ? undefined : JSON.stringify(body);
    const type = form ? FORM_TYPE : json === undefined ? undefined : 'application/json';
    const all = { ...this.#headers, ...(type !== undefined && { 'content-type': type }), ...headers };
    const { hostname: host, port } = this.#url;
    const sent = request({ host, port, method, path, headers: all, agent: this.#agent });
    const call = new LiveCall(sent);
    sent.end(form ? toForm(form) : json);
    return call;
  }

  /** Closes the connections kept alive. */
  close(): void {
    this.#agent.destroy();
  }
}

class LiveCall implements Call {
  readonly answer: Promise<Answer | undefined>;
  readonly #request: ClientRequest;
  #isHungUp = false;

  constructor(sent: ClientRequest) {
    this.#request = sent;
    this.answer = new Promise((resolve, reject) => {
      const fail = (error: Error): void => (this.#isHungUp ? resolve(undefined) : reject(error));
      sent.once('error', fail);
      sent.once('close', () => this.#isHungUp && resolve(undefined));
      sent.once('response', (response) => {
        read(response).then(resolve, fail);
      });
    });
  }

  get localPort(): number | undefined {
    return this.#request.socket?.localPort;
  }

  hangUp(): Promise<number> {
    this.#isHungUp = true;
    const at = performance.now();
    return new Promise((resolve) => {
      if (this.#request.closed) resolve(at);
      this.#request.once('close', () => resolve(at));
      this.#request.destroy();
    });
  }
}

async function read(response: IncomingMessage): Promise<Answer> {
  const body = await text(response);
  return { status: response.statusCode ?? 0, headers: response.headers, text: body, json: <T>() => JSON.parse(body) as T };
}
