import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ChatAnswer } from './answer-chat.js';
import { answerEmbeddings } from './answer-embeddings.js';
import { Exchange, JSON_HEADERS } from './exchange.js';
import { chatCall, embeddingsCall, type LiveCall } from './live-call.js';
import type { ModelServerHooks } from './model-server-hooks.js';
import { toWireError, WireError, type ChatRequest } from './openai-wire.js';
import { readChatRequest, readEmbeddingsRequest } from './read-request.js';

export interface ModelServerOptions {
  /** The text that answers a chat completion. */
  readonly answer: (request: ChatRequest) => string;
  /** One vector for each input, in the same order. */
  readonly embed: (input: readonly string[]) => number[][];
  readonly hooks?: ModelServerHooks;
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** The ids that `GET /v1/models` lists. A call may name any model. */
  readonly models?: readonly string[];
}

/**
 * Speaks the OpenAI wire protocol on 127.0.0.1, so that the official client, its sockets, streams and aborts are used as they are:
 * `POST /v1/chat/completions` (streamed or whole), `POST /v1/embeddings`, `GET /v1/models`.
 *
 * A call whose client leaves stops at once. It keeps no journal: the hooks tell who wants to know.
 */
export class ModelServer {
  readonly #options: ModelServerOptions;
  readonly #hooks: ModelServerHooks;
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #live = new Set<Exchange>();
  #calls = 0;

  constructor(options: ModelServerOptions) {
    this.#options = options;
    this.#hooks = options.hooks ?? {};
  }

  /** Resolves when the server listens; rejects if its port is taken. */
  async start(): Promise<void> {
    this.#server.listen(this.#options.port ?? 0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** What an OpenAI client takes as its `baseURL`. Throws before `start()` and after `stop()`. */
  get baseUrl(): string {
    const address = this.#server.address() as AddressInfo | null;
    if (!address) throw new Error('The model server does not listen. Await start() first.');
    return `http://127.0.0.1:${address.port}/v1`;
  }

  /** Ends the calls in flight as `failed`, destroys every open connection and resolves when the port is free. */
  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const exchange of this.#live) exchange.reset();
    this.#server.closeAllConnections();
    await closed;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      await this.#route(request, response);
    } catch (error) {
      refuse(response, error);
    }
  }

  async #route(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = `${request.method ?? ''} ${request.url?.split('?', 1)[0] ?? ''}`;
    if (route === 'POST /v1/chat/completions') await this.#chat(request, response);
    else if (route === 'POST /v1/embeddings') await this.#embeddings(request, response);
    else if (route === 'GET /v1/models') this.#listModels(response);
    else throw new WireError(404, `Invalid URL (${route})`, 'unknown_url');
  }

  async #chat(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = chatCall(++this.#calls, await readChatRequest(request), request.headers);
    await this.#during(call, response, (exchange) => new ChatAnswer(exchange, call, this.#hooks).send(this.#options.answer));
  }

  async #embeddings(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const call = embeddingsCall(++this.#calls, await readEmbeddingsRequest(request), request.headers);
    await this.#during(call, response, (exchange) => answerEmbeddings(exchange, call, this.#hooks, this.#options.embed));
  }

  async #during(
    call: LiveCall<'chat'> | LiveCall<'embeddings'>,
    response: ServerResponse,
    answer: (exchange: Exchange) => Promise<void>,
  ): Promise<void> {
    const exchange = new Exchange(call, response, () => {
      this.#live.delete(exchange);
      this.#hooks.onEnd?.(call);
    });
    this.#live.add(exchange);
    // After its end there is nobody left to tell of a failure.
    await answer(exchange).catch((error: unknown) => exchange.signal.aborted || exchange.fail(error));
  }

  #listModels(response: ServerResponse): void {
    const data = (this.#options.models ?? []).map((id) => ({ id, object: 'model', created: 0, owned_by: 'hangup' }));
    sendJson(response, 200, { object: 'list', data });
  }
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, JSON_HEADERS).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, error: unknown): void {
  if (response.destroyed) return;
  const refusal = toWireError(error);
  sendJson(response, refusal.status, refusal.toBody());
}
