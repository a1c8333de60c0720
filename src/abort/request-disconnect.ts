import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { ClientDisconnectedError } from './abort-reason.js';
import type { SignalSource } from './abort-scope.js';
import type { AbortStats } from './abort.stats.js';
import { DisconnectTurns } from './disconnect-turns.js';
import { onConnectionClose } from './connection-close.js';

/** What is looked at of a raw exchange: HTTP/1 and the HTTP/2 compatibility API both have it. */
export type RawRequest = Pick<IncomingMessage, 'socket'>;
export type RawResponse = Pick<ServerResponse, 'destroyed' | 'writableEnded' | 'writableFinished' | 'socket' | 'on' | 'removeListener'>;

/**
 * The truth about a client that left: the *response* closed while its answer was not finished, or it was closed when first looked at.
 *
 * Never the request's `'close'`, and so never Fastify's `request.signal`: both fire as soon as a POST body has been read. And
 * `writableEnded`, not `writableFinished` alone, because the latter is true on a reset HTTP/2 stream.
 */
export class RequestDisconnect implements SignalSource {
  readonly #request: RawRequest;
  readonly #response: RawResponse;
  readonly #stats: AbortStats;
  readonly #turns: DisconnectTurns;

  constructor(request: RawRequest, response: RawResponse, stats: AbortStats, turns = new DisconnectTurns()) {
    this.#request = request;
    this.#response = response;
    this.#stats = stats;
    this.#turns = turns;
  }

  open(): AbortSignal {
    const controller = new AbortController();
    if (this.#isGone()) this.#abort(controller);
    else if (!this.#response.writableEnded) this.#listen(controller);
    return controller.signal;
  }

  /**
   * For the first look, when the connection may have died long ago. An answer counts only if it was finished too: Nest ends the
   * response of an event stream whose client has left, and on a dead connection that never finishes.
   */
  #isGone(): boolean {
    const { destroyed, writableEnded, writableFinished } = this.#response;
    return (destroyed || this.#request.socket.destroyed) && !(writableEnded && writableFinished);
  }

  #listen(controller: AbortController): void {
    const { socket } = this.#response;
    if (socket) this.#listenOn(socket, controller);
    else this.#listenInQueue(controller);
  }

  #listenOn(socket: Socket, controller: AbortController): void {
    this.#turns.awaited.add(socket);
    this.#response.on('close', () => {
      this.#turns.awaited.delete(socket);
      this.#onClose(controller);
    });
  }

  /** A pipelined request waits for its turn on the socket: until then its response belongs to no socket and closes with none. */
  #listenInQueue(controller: AbortController): void {
    const response = this.#response;
    const onClose = (): void => {
      response.removeListener('close', onClose);
      leaveQueue();
      this.#onClose(controller);
    };
    response.on('close', onClose);
    const leaveQueue = onConnectionClose(this.#request.socket, onClose);
  }

  /**
   * Nest hears of it later in the same tick, and unsubscribes from what streams. Told before that, a stream would fail first, and Nest
   * would log the abort as an error.
   */
  #onClose(controller: AbortController): void {
    if (!this.#response.writableEnded) this.#turns.take(() => this.#abort(controller));
  }

  #abort(controller: AbortController): void {
    this.#stats.disconnects += 1;
    controller.abort(new ClientDisconnectedError());
  }
}
