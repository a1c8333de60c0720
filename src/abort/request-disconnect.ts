import type { IncomingMessage, ServerResponse } from 'node:http';
import { ClientDisconnectedError } from './abort-reason.js';
import type { SignalSource } from './abort-scope.js';

/** What is looked at of a raw exchange: HTTP/1 and the HTTP/2 compatibility API both have it. */
export type RawRequest = Pick<IncomingMessage, 'socket'>;
export type RawResponse = Pick<ServerResponse, 'destroyed' | 'writableEnded' | 'socket' | 'once' | 'removeListener'>;

/**
 * The truth about a client that left: the *response* closed while its answer was not finished, or it was closed when first looked at.
 *
 * Never the request's `'close'`, and so never Fastify's `request.signal`: both fire as soon as a POST body has been read. And
 * `writableEnded`, not `writableFinished`, because the latter is true on a reset HTTP/2 stream.
 */
export class RequestDisconnect implements SignalSource {
  readonly #request: RawRequest;
  readonly #response: RawResponse;

  constructor(request: RawRequest, response: RawResponse) {
    this.#request = request;
    this.#response = response;
  }

  open(): AbortSignal {
    const controller = new AbortController();
    if (this.#isGone()) controller.abort(new ClientDisconnectedError());
    else this.#listen(controller);
    return controller.signal;
  }

  #isGone(): boolean {
    if (this.#response.writableEnded) return false;
    return this.#response.destroyed || this.#request.socket.destroyed;
  }

  #listen(controller: AbortController): void {
    const response = this.#response;
    // A pipelined request waits for its turn on the socket: until then its response belongs to no socket and closes with none.
    const queuedOn = response.socket ? undefined : this.#request.socket;
    const onClose = (): void => {
      response.removeListener('close', onClose);
      queuedOn?.removeListener('close', onClose);
      if (!response.writableEnded) controller.abort(new ClientDisconnectedError());
    };
    response.once('close', onClose);
    queuedOn?.once('close', onClose);
  }
}

const NEVER = new AbortController().signal;

/** A request that nothing aborts: for `abortOnDisconnect: false`. */
export const neverDisconnects: SignalSource = { open: () => NEVER };
