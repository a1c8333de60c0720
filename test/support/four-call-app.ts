import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import OpenAI from 'openai';
import { SocketClient, type Gate, type ScriptedModelServer } from '../../src/testing/index.js';

/** Somebody's app, of plain Node: each `POST /ask` makes four calls side by side, and hands the signal of the request to each. */
export class FourCallApp {
  /** So many turns of the event loop lie between one call and the next. */
  turnsApart = 0;
  /** Does it make one more call, with no signal, when its calls are aborted? */
  goesOn = false;
  /** Where it waits besides. */
  besides?: Gate;
  readonly #openai: OpenAI;
  readonly #server = createServer((_request, response) => void this.handle(response));

  private constructor(model: ScriptedModelServer) {
    this.#openai = new OpenAI({ apiKey: 'test', baseURL: model.baseUrl, maxRetries: 0 });
  }

  static async start(model: ScriptedModelServer): Promise<FourCallApp> {
    const app = new FourCallApp(model);
    app.#server.listen(0, '127.0.0.1');
    await once(app.#server, 'listening');
    return app;
  }

  client(): SocketClient {
    return new SocketClient(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  async handle(response: ServerResponse): Promise<void> {
    const controller = new AbortController();
    response.once('close', () => controller.abort(new Error('The client left.')));
    try {
      const answers = [0, 1, 2, 3].map((place) => this.#ask(place, controller.signal));
      await Promise.all([...answers, this.besides?.wait()]);
      response.end();
    } catch {
      if (this.goesOn) await this.#ask(0);
      response.destroy();
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #ask(place: number, signal?: AbortSignal): Promise<void> {
    for (let turn = 0; turn < place * this.turnsApart; turn += 1) await nextTurn();
    await this.#openai.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'Draft.' }] }, { signal });
  }
}
