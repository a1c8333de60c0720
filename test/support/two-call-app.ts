import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import OpenAI from 'openai';
import { SocketClient, type Gate, type ScriptedModelServer } from '../../src/testing/index.js';

/**
 * Somebody's app, of plain Node: each `POST /ask` makes two streamed calls, one after the other, and does something between them. Each
 * test says how it misbehaves.
 */
export class TwoCallApp {
  /** Does the first call, and does the second, get the signal of the request? */
  readonly heeds = { first: true, second: true };
  /** Does it go on after a call that was aborted? */
  goesOn = false;
  /** What it does between the calls. */
  between?: Gate;
  /** The signal of the latest request. */
  signal?: AbortSignal;
  readonly #openai: OpenAI;
  readonly #server = createServer((request, response) => {
    if (request.url === '/ask') void this.handle(response);
    else response.writeHead(404).end('nothing here');
  });

  private constructor(model: ScriptedModelServer) {
    this.#openai = new OpenAI({ apiKey: 'test', baseURL: model.baseUrl, maxRetries: 0 });
  }

  static async start(model: ScriptedModelServer): Promise<TwoCallApp> {
    const app = new TwoCallApp(model);
    app.#server.listen(0, '127.0.0.1');
    await once(app.#server, 'listening');
    return app;
  }

  client(): SocketClient {
    return new SocketClient(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  async handle(response: ServerResponse): Promise<void> {
    const controller = new AbortController();
    this.signal = controller.signal;
    // Some apps tell of it a turn later.
    response.once('close', () => setImmediate(() => controller.abort(new Error('The client left.'))));
    try {
      const draft = await this.#ask('Draft.', this.heeds.first ? controller.signal : undefined);
      await this.between?.wait();
      response.end(await this.#ask(`Improve: ${draft}`, this.heeds.second ? controller.signal : undefined));
    } catch {
      response.destroy();
    }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #ask(content: string, signal: AbortSignal | undefined): Promise<string> {
    let text = '';
    try {
      const stream = await this.#openai.chat.completions.create(
        { model: 'm', messages: [{ role: 'user', content }], stream: true },
        { signal },
      );
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
      signal?.throwIfAborted();
    } catch (error) {
      if (!this.goesOn) throw error;
    }
    return text;
  }
}
