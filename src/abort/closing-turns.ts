import { Server } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { DisconnectTurns, IN_ONE_TURN } from './disconnect-turns.js';

/** So many connections are read from again in one turn, where most of them stay. */
const MOST_IN_ONE_TURN = 400;
/** From the end of what a client sends until its connection has closed, unless something is still to be written to it, and one more. */
const TURNS_TO_CLOSE = 2;

/**
 * Lets the connections of a crowd that leaves in one moment end a few in each turn of the event loop. Node would end all of them in one, in
 * which nothing else runs: a tenth of a second for two thousand. So as soon as more than a few clients that are waited on have left in a
 * turn, no other of them is read from; then a few more in each of the next. That costs who stays next to nothing: they wait for an answer,
 * and have nothing to say until it comes, unless they are still sending. Whoever is not waited on is read from as ever. `DisconnectTurns` is
 * told that a crowd leaves for as long as that takes.
 *
 * For HTTP/1 without TLS: elsewhere the connections are not ours to pause, and end as they come.
 */
@Injectable()
export class ClosingTurns implements OnModuleInit, OnApplicationShutdown {
  /** Those that are not read from, in the order in which they will be. */
  readonly #held = new Set<Socket>();
  /** Who has left since the last turn. */
  readonly #leaving = new Set<Socket>();
  /** How many are read from again in one turn. */
  #batch = IN_ONE_TURN;
  #turnsToGo = 0;
  #server?: Server;

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly turns: DisconnectTurns,
  ) {}

  onModuleInit(): void {
    const { httpAdapter } = this.adapterHost as Partial<HttpAdapterHost>;
    const server: unknown = httpAdapter?.getHttpServer();
    if (!(server instanceof Server)) return;
    this.#server = server;
    server.on('connection', this.#onConnection);
  }

  onApplicationShutdown(): void {
    this.#server?.removeListener('connection', this.#onConnection);
  }

  readonly #onConnection = (socket: Socket): void => {
    const onLeave = (): void => this.#onLeave(socket);
    socket.on('end', onLeave);
    socket.on('error', onLeave);
  };

  #onLeave(socket: Socket): void {
    if (!this.turns.awaited.has(socket)) return;
    this.#leaving.add(socket);
    if (this.#turnsToGo === 0) {
      this.#turnsToGo = TURNS_TO_CLOSE;
      setImmediate(() => this.#next());
    }
    if (this.#leaving.size === IN_ONE_TURN + 1) this.#hold();
  }

  #hold(): void {
    this.turns.expectMore();
    for (const socket of this.turns.awaited) {
      if (!socket.readable || socket.isPaused()) continue;
      socket.pause();
      this.#held.add(socket);
    }
  }

  #next(): void {
    const leaving = this.#leaving.size;
    this.#leaving.clear();
    // Nobody who leaves alone afterwards makes it last longer.
    this.#turnsToGo = this.#held.size > 0 || leaving > IN_ONE_TURN ? TURNS_TO_CLOSE : this.#turnsToGo - 1;
    this.#readOn(leaving);
    if (this.#turnsToGo > 0) setImmediate(() => this.#next());
    else this.turns.expectNoMore();
  }

  /** As many more as may leave in a turn; and more where only a few of the last do. */
  #readOn(leaving: number): void {
    if (leaving > IN_ONE_TURN || this.#held.size === 0) this.#batch = IN_ONE_TURN;
    else if (leaving * 2 < IN_ONE_TURN) this.#batch = Math.min(this.#batch * 2, MOST_IN_ONE_TURN);
    for (const socket of this.#held.values().take(this.#batch)) {
      this.#held.delete(socket);
      socket.resume();
    }
  }
}
