import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import OpenAI from 'openai';
import { SocketClient, type ScriptedModelServer } from '../../src/testing/index.js';

/** Somebody's app, of plain Node and the OpenAI client, on a free port. */
export abstract class PlainApp {
  protected readonly openai: OpenAI;
  readonly #server = createServer((request, response) => void this.handle(request, response));

  constructor(model: ScriptedModelServer) {
    this.openai = new OpenAI({ apiKey: 'test', baseURL: model.baseUrl, maxRetries: 0 });
  }

  abstract handle(request: IncomingMessage, response: ServerResponse): Promise<void>;

  async listen(): Promise<this> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this;
  }

  client(): SocketClient {
    return new SocketClient(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
