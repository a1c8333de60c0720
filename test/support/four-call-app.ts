import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Gate, ScriptedModelServer } from '../../src/testing/index.js';
import { PlainApp } from './plain-app.js';

/** Somebody's app, of plain Node: each `POST /ask` makes four calls side by side, and hands the signal of the request to each. */
export class FourCallApp extends PlainApp {
  /** So many turns of the event loop lie between one call and the next. */
  turnsApart = 0;
  /** Does it make one more call, with no signal, when its calls are aborted? */
  goesOn = false;
  /** Where it waits besides. */
  besides?: Gate;

  static start(model: ScriptedModelServer): Promise<FourCallApp> {
    return new FourCallApp(model).listen();
  }

  async handle(_request: IncomingMessage, response: ServerResponse): Promise<void> {
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

  async #ask(place: number, signal?: AbortSignal): Promise<void> {
    for (let turn = 0; turn < place * this.turnsApart; turn += 1) await nextTurn();
    await this.openai.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'Draft.' }] }, { signal });
  }
}
