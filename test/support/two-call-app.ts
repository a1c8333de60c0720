import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Gate, ScriptedModelServer } from '../../src/testing/index.js';
import { PlainApp } from './plain-app.js';

/**
 * Somebody's app, of plain Node: each `POST /ask` makes two streamed calls, one after the other, and does something between them. Each
 * test says how it misbehaves.
 */
export class TwoCallApp extends PlainApp {
  /** Does the first call, and does the second, get the signal of the request? */
  readonly heeds = { first: true, second: true };
  /** Does it go on after a call that was aborted? */
  goesOn = false;
  /** What it does between the calls. */
  between?: Gate;
  /** The signal of the latest request. */
  signal?: AbortSignal;

  static start(model: ScriptedModelServer): Promise<TwoCallApp> {
    return new TwoCallApp(model).listen();
  }

  async handle({ url }: IncomingMessage, response: ServerResponse): Promise<void> {
    if (url === '/ask') await this.#work(response);
    else response.writeHead(404).end('nothing here');
  }

  async #work(response: ServerResponse): Promise<void> {
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

  async #ask(content: string, signal: AbortSignal | undefined): Promise<string> {
    let text = '';
    try {
      const stream = await this.openai.chat.completions.create(
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
