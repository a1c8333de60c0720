import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';

const REQUEST_START = 'http.server.request.start';

interface RequestStart {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** Sees the requests that come to HTTP/1 servers of this process, and when those servers learn that a client has left. */
export class ServerSide {
  readonly #closed = new Map<number, Promise<unknown>>();

  constructor() {
    subscribe(REQUEST_START, this.#onStart);
  }

  /**
   * Resolves once the server has learnt that the client at this port left, and whoever listens on its response has been told;
   * `undefined` if no server of this process had its request.
   */
  told(port: number | undefined): Promise<unknown> | undefined {
    return port === undefined ? undefined : this.#closed.get(port);
  }

  stop(): void {
    unsubscribe(REQUEST_START, this.#onStart);
  }

  readonly #onStart = (message: unknown): void => {
    const { request, response } = message as RequestStart;
    const closed = new Promise((resolve) => response.once('close', resolve));
    // All listeners are called in the turn of the event.
    if (request.socket.remotePort !== undefined)
      this.#closed.set(
        request.socket.remotePort,
        closed.then(() => nextTurn()),
      );
  };
}
