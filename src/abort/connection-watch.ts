import type { Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Inject, Injectable, Logger, Optional, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ABORT_OPTIONS, type AbortOptions } from './abort.options.js';
import { AbortStats } from './abort.stats.js';
import { keepAliveWithin } from './keep-alive.js';
import { lookAtConnections } from './look-at-connections.js';
import { WatchedConnection, type VanishedBy } from './watched-connection.js';

/** In the time within which a vanished client is to be noticed, so many looks are made at what was acknowledged. */
const LOOKS = 15;
/**
 * So many without progress are the end of its connection. They begin a look after the first bytes that it has missed, and a stream has
 * some for it within a third of the time: what is left of that is for looks that come late. Looks are counted and no milliseconds, so
 * that a process which was held up itself cuts nobody for it.
 */
const STANDSTILL_LOOKS = 8;

/** What the kernel reports of a peer that answers nothing; the last two where its own neighbourhood says so. */
const GIVEN_UP = new Set(['ETIMEDOUT', 'EHOSTUNREACH', 'ENETUNREACH']);

const WATCHED = Symbol('WatchedConnection');

type WatchedSocket = Socket & { [WATCHED]?: WatchedConnection };

/**
 * Notices clients that vanished, as a phone does that loses its network: no packet says so. Where nothing is in flight, TCP's own
 * keep-alive asks the peer. Where bytes are, that never happens and the kernel sends them again for a quarter of an hour: so it is
 * looked at whether the peer acknowledges any. A connection is cut if it does not, and its requests are told as of any disconnect.
 *
 * Looks only while a request is open and something may be under way to its client. Does nothing without `vanishedAfterMs`.
 */
@Injectable()
export class ConnectionWatch implements OnModuleInit, OnApplicationShutdown {
  readonly #logger = new Logger('Abort');
  readonly #busy = new Set<WatchedConnection>();
  /** None where clients are not watched. */
  readonly #vanishedAfterMs: number;
  #server?: Server;
  #timer?: NodeJS.Timeout;
  #isLooking = false;

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly stats: AbortStats,
    @Optional() @Inject(ABORT_OPTIONS) { vanishedAfterMs = 0 }: Partial<AbortOptions> = {},
  ) {
    this.#vanishedAfterMs = vanishedAfterMs;
  }

  onModuleInit(): void {
    const { httpAdapter } = this.adapterHost as Partial<HttpAdapterHost>;
    if (!httpAdapter || this.#vanishedAfterMs === 0) return;
    this.#server = httpAdapter.getHttpServer() as Server;
    this.#server.on('connection', this.#onConnection);
    // Before the platform's own listener, which may have answered when it returns.
    this.#server.prependListener('request', this.#onRequest);
  }

  onApplicationShutdown(): void {
    this.#server?.removeListener('connection', this.#onConnection);
    this.#server?.removeListener('request', this.#onRequest);
    this.#busy.clear();
    clearTimeout(this.#timer);
  }

  readonly #onConnection = (socket: WatchedSocket): void => {
    const connection = new WatchedConnection(socket);
    socket[WATCHED] = connection;
    const keepAlive = keepAliveWithin(this.#vanishedAfterMs);
    // One by one and not as an object: what knows only the first two takes these.
    socket.setKeepAlive(true, keepAlive.initialDelayMs, keepAlive.intervalMs, keepAlive.count);
    socket.on('error', ({ code }: NodeJS.ErrnoException) => {
      if (GIVEN_UP.has(String(code)) && connection.isBusy) this.#tell('keep_alive', keepAlive.totalMs);
    });
    socket.on('close', () => this.#busy.delete(connection));
  };

  readonly #onRequest = (request: { readonly socket: WatchedSocket }, response: ServerResponse): void => {
    const connection = request.socket[WATCHED];
    if (!connection) return;
    connection.beginRequest();
    this.#busy.add(connection);
    // An answer that is cut takes its connection with it, or under HTTP/2 says this too. 'close' has its fill of listeners in a stream.
    response.once('finish', () => {
      connection.endRequest();
      if (!connection.isBusy) this.#busy.delete(connection);
    });
    this.#lookLater();
  };

  /** One look at a time, and none while nobody waits. The clock alone keeps no process alive. */
  #lookLater(): void {
    if (this.#isLooking || this.#timer || this.#busy.size === 0) return;
    this.#timer = setTimeout(() => void this.#look(), this.#vanishedAfterMs / LOOKS).unref();
  }

  async #look(): Promise<void> {
    this.#timer = undefined;
    this.#isLooking = true;
    try {
      await this.#lookAtUnsettled();
    } catch (error) {
      this.#logger.warn({ msg: '[Abort] The connections of clients could not be looked at, trying again', err: error });
    }
    this.#isLooking = false;
    if (this.#server?.listenerCount('request', this.#onRequest)) this.#lookLater();
  }

  async #lookAtUnsettled(): Promise<void> {
    const unsettled = [...this.#busy].filter(({ isUnsettled }) => isUnsettled);
    if (unsettled.length === 0) return;
    await lookAtConnections(unsettled);
    for (const connection of unsettled) this.#cutIfStill(connection);
  }

  #cutIfStill(connection: WatchedConnection): void {
    const standstill = connection.standstill(STANDSTILL_LOOKS);
    if (!standstill) return;
    this.#tell(standstill.by, standstill.ms);
    connection.cut();
  }

  #tell(by: VanishedBy, ms: number): void {
    this.stats.vanished[by] += 1;
    this.#logger.log({ msg: `[Abort] A client vanished: ${WORDS[by]} for ${ms} ms`, by, ms });
  }
}

const WORDS = {
  keep_alive: 'nothing answered the probes of its idle connection',
  unacknowledged: 'nothing that was sent was acknowledged',
  unread: 'nothing was read of what waits for it',
} satisfies Record<VanishedBy, string>;
