import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';

/** One exchange as the server that answers it sees it. Times are `performance.now()`. */
export interface SeenExchange {
  readonly path: string;
  readonly startedAt: number;
  closedAt?: number;
  /** The socket closed before the answer was finished. */
  wasCut: boolean;
}

const REQUEST_START = 'http.server.request.start';

/** Watches every HTTP server of this process through Node's own diagnostics, so that the product is not asked about itself. */
export class WireTap implements Disposable {
  readonly exchanges: SeenExchange[] = [];

  constructor() {
    subscribe(REQUEST_START, this.#onStart);
  }

  /** The latest exchange on this path that was cut. */
  lastCut(path: string): SeenExchange | undefined {
    return this.exchanges.findLast((each) => each.path === path && each.wasCut);
  }

  startedAfter(path: string, moment: number): number {
    return this.exchanges.filter((each) => each.path === path && each.startedAt > moment).length;
  }

  [Symbol.dispose](): void {
    unsubscribe(REQUEST_START, this.#onStart);
  }

  readonly #onStart = (message: unknown): void => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse };
    const seen: SeenExchange = { path: request.url ?? '', startedAt: performance.now(), wasCut: false };
    this.exchanges.push(seen);
    response.once('close', () => {
      seen.closedAt = performance.now();
      seen.wasCut = !response.writableEnded;
    });
  };
}
