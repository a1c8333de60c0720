import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { HttpAdapterHost } from '@nestjs/core';
import { eventually } from '../testing/index.js';
import { AbortStats } from './abort.stats.js';
import { ClosingTurns } from './closing-turns.js';
import { DisconnectTurns, IN_ONE_TURN } from './disconnect-turns.js';
import { RequestDisconnect } from './request-disconnect.js';

const CROWD = 4 * IN_ONE_TURN;
/** In which the kernel has taken note of who has left. */
const HELD_UP_MS = 50;
/** Of an upload that is never finished. */
const UNSENT_BYTES = 1000;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Counts its crowds, and how many turns the last took. */
class CountedTurns extends DisconnectTurns {
  crowds = 0;
  calms = 0;
  turns = 0;

  override expectMore(): void {
    if (this.crowds === this.calms) this.#begin();
    super.expectMore();
  }

  override expectNoMore(): void {
    if (this.crowds > this.calms) this.calms += 1;
    super.expectNoMore();
  }

  #begin(): void {
    this.crowds += 1;
    this.turns = 0;
    const count = (): void => {
      this.turns += 1;
      if (this.crowds > this.calms) setImmediate(count);
    };
    setImmediate(count);
  }
}

/** A server that never ends an answer but those of `/answer`, and what becomes of its connections in each turn of the event loop. */
class Hall {
  readonly turns = new CountedTurns();
  readonly sockets: Socket[] = [];
  readonly paused = new Set<Socket>();
  pauses = 0;
  readonly told = new Set<Socket>();
  /** How many connections closed in each turn in which any did. */
  readonly closedInTurn: number[] = [];
  readonly #clients: Socket[] = [];
  #closed = 0;
  readonly #server: Server = createServer((request, response) => this.#onRequest(request, response));
  readonly closing = new ClosingTurns({ httpAdapter: { getHttpServer: () => this.#server } } as unknown as HttpAdapterHost, this.turns);

  async open(): Promise<void> {
    this.closing.onModuleInit();
    this.#server.on('connection', (socket: Socket) => {
      this.sockets.push(socket);
      socket.on('pause', () => {
        this.paused.add(socket);
        this.pauses += 1;
      });
      socket.on('close', () => this.#onClose());
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Clients whose answer has begun, and the server's sockets of theirs. */
  async join(count: number, head = 'GET /'): Promise<{ clients: Socket[]; sockets: Socket[] }> {
    const { port } = this.#server.address() as AddressInfo;
    const before = this.sockets.length;
    const clients = Array.from({ length: count }, () => connect(port, '127.0.0.1'));
    this.#clients.push(...clients);
    await Promise.all(clients.map((client) => ask(client, head)));
    return { clients, sockets: this.sockets.slice(before) };
  }

  get allClosed(): number {
    return this.closedInTurn.reduce((total, closed) => total + closed, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.closing.onApplicationShutdown();
    for (const client of this.#clients) client.destroy();
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #onRequest(request: IncomingMessage, response: ServerResponse): void {
    if (request.url === '/answer') {
      response.end('an answer');
      return;
    }
    const signal = new RequestDisconnect(request, response, new AbortStats(), this.turns).open();
    signal.addEventListener('abort', () => this.told.add(request.socket));
    response.writeHead(200).write('a beginning');
  }

  #onClose(): void {
    this.#closed += 1;
    if (this.#closed > 1) return;
    setImmediate(() => {
      this.closedInTurn.push(this.#closed);
      this.#closed = 0;
    });
  }
}

async function ask(client: Socket, head: string): Promise<void> {
  client.on('error', () => client.destroy());
  client.write(`${head} HTTP/1.1\r\nHost: here\r\nContent-Length: ${head.startsWith('POST') ? UNSENT_BYTES : 0}\r\n\r\n`);
  await once(client, 'data');
}

/** In one moment: the server's event loop hears of all of them at once. */
function leaveAll(clients: readonly Socket[], leave = (client: Socket): unknown => client.destroy()): void {
  for (const client of clients) leave(client);
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, HELD_UP_MS);
}

describe('connections of a crowd', () => {
  let hall: Hall;

  beforeEach(async () => {
    hall = new Hall();
    await hall.open();
  });

  afterEach(async () => {
    await hall[Symbol.asyncDispose]();
  });

  const haveClosed = (count: number) => eventually(() => hall.allClosed === count);
  const isCalm = () => eventually(() => hall.turns.crowds === 1 && hall.turns.calms === 1);

  it.each([
    ['that leaves', (client: Socket) => client.destroy()],
    ['that is reset', (client: Socket) => client.resetAndDestroy()],
  ])('%s in one moment close a few in a turn, and all are told of', async (_, leave) => {
    const { clients, sockets } = await hall.join(CROWD);
    leaveAll(clients, leave);
    await haveClosed(CROWD);
    expect(Math.max(...hall.closedInTurn)).toBeLessThanOrEqual(IN_ONE_TURN + 1);
    await isCalm();
    expect(hall.told).toEqual(new Set(sockets));
    expect(hall.turns.awaited.size).toBe(0);
    // Those of the first turn have left already.
    expect(hall.paused.size).toBeLessThan(CROWD - IN_ONE_TURN);
  });

  it('are of a crowd until the last of them has closed', async () => {
    const { clients, sockets } = await hall.join(CROWD);
    const closedWhenCalm: number[] = [];
    hall.turns.onCalm(() => closedWhenCalm.push(sockets.filter(({ closed }) => closed).length));
    leaveAll(clients);
    await isCalm();
    expect(closedWhenCalm).toEqual([CROWD]);
  });

  it('make it wait who stays and is waited on, and notice as ever when that leaves', async () => {
    const early = await hall.join(CROWD / 2);
    const staying = await hall.join(10);
    const late = await hall.join(CROWD / 2);
    leaveAll([...early.clients, ...late.clients]);
    await haveClosed(CROWD);
    await isCalm();
    expect(staying.sockets.map((socket) => [hall.paused.has(socket), socket.isPaused(), hall.told.has(socket)])).toEqual(
      staying.sockets.map(() => [true, false, false]),
    );
    for (const client of staying.clients) client.destroy();
    await eventually(() => staying.sockets.every((socket) => hall.told.has(socket)));
  });

  it('make nobody wait who is not waited on', async () => {
    const { clients, sockets } = await hall.join(10, 'GET /answer');
    const crowd = await hall.join(CROWD);
    const answered = clients.map((client) => once(client, 'data'));
    for (const client of clients) client.write('GET /answer HTTP/1.1\r\nHost: here\r\n\r\n');
    leaveAll(crowd.clients);
    await Promise.all(answered);
    await isCalm();
    expect(sockets.filter((socket) => hall.paused.has(socket))).toEqual([]);
  });

  it('that is none are left alone', async () => {
    const staying = await hall.join(1);
    const { clients } = await hall.join(IN_ONE_TURN);
    leaveAll(clients);
    await haveClosed(IN_ONE_TURN);
    expect([hall.turns.crowds, hall.paused.size, staying.sockets.length]).toEqual([0, 0, 1]);
  });

  it('are counted once where an upload breaks off, which is an end and an error', async () => {
    const { clients } = await hall.join(IN_ONE_TURN, 'POST /');
    leaveAll(clients);
    await haveClosed(IN_ONE_TURN);
    expect([hall.turns.crowds, hall.told.size]).toEqual([0, IN_ONE_TURN]);
  });

  it('of whom none is waited on are none', async () => {
    await hall.join(1);
    const { clients } = await hall.join(CROWD, 'GET /answer');
    leaveAll(clients);
    await haveClosed(CROWD);
    expect([hall.turns.crowds, hall.paused.size]).toEqual([0, 0]);
  });

  it('are soon found among many who stay', async () => {
    const staying = 8 * IN_ONE_TURN;
    await hall.join(staying);
    const { clients } = await hall.join(IN_ONE_TURN + 10);
    leaveAll(clients);
    await haveClosed(IN_ONE_TURN + 10);
    await isCalm();
    expect(hall.turns.turns).toBeLessThan(staying / IN_ONE_TURN);
  });

  it('are made to wait once when many who had stayed leave too', async () => {
    const staying = await hall.join(8 * IN_ONE_TURN);
    leaveAll((await hall.join(IN_ONE_TURN + 10)).clients);
    await isCalm();
    hall.pauses = 0;
    leaveAll(staying.clients);
    await haveClosed(9 * IN_ONE_TURN + 10);
    expect(hall.pauses).toBeLessThan(8 * IN_ONE_TURN);
  });

  it('are no crowd any more while one after the other leaves', async () => {
    const { clients } = await hall.join(CROWD);
    const { clients: others } = await hall.join(100);
    leaveAll(clients);
    await eventually(() => hall.turns.crowds === 1);
    let left = 0;
    for (const client of others) {
      client.destroy();
      left += 1;
      await turn();
      if (hall.turns.calms === 1) break;
    }
    expect(left).toBeLessThan(others.length);
  });

  it('leave alone what its reader has paused', async () => {
    const { sockets } = await hall.join(1);
    const [paused] = sockets;
    paused?.pause();
    let resumes = 0;
    paused?.on('resume', () => (resumes += 1));
    leaveAll((await hall.join(CROWD)).clients);
    await haveClosed(CROWD);
    await isCalm();
    expect([paused?.isPaused(), resumes]).toEqual([true, 0]);
  });
});
