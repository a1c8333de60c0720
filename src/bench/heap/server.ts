import { Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { queryObjects } from 'node:v8';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AbortContext, AbortModule, AbortScope, RequestSignal } from '../../abort/index.js';
import { serve } from '../harness/serve.js';
import { Door } from './door.js';

@Controller()
class WaitController {
  constructor(
    private readonly context: AbortContext,
    private readonly door: Door,
  ) {}

  @Get('wait')
  async wait(@RequestSignal() signal: AbortSignal) {
    await this.context.run(signal, () => this.context.track('bench', 'door', this.door.pass(this.context.signal)));
    return { status: 'ok' };
  }
}

@Module({ imports: [AbortModule.forRoot({})], controllers: [WaitController], providers: [Door] })
class HeapModule {}

/** What is alive in the server after a full collection. */
export interface Census {
  readonly heapBytes: number;
  readonly signals: number;
  readonly scopes: number;
  readonly sockets: number;
  /** Listeners on the sockets of all connections. */
  readonly listeners: number;
  readonly handles: number;
  /** Times that Node has warned of too many listeners. */
  readonly warnings: number;
}

const adapter = new FastifyAdapter({ forceCloseConnections: true });
const app = await NestFactory.create<NestFastifyApplication>(HeapModule, adapter, { logger: false });
const door = app.get(Door);
const connections = new Set<Socket>();
let warnings = 0;
process.on('warning', ({ name }) => {
  if (name === 'MaxListenersExceededWarning') warnings += 1;
});

async function collect(): Promise<void> {
  for (let i = 0; i < 5; i += 1) {
    globalThis.gc?.();
    await turn();
  }
}

function count(constructor: Parameters<typeof queryObjects>[0]): number {
  return queryObjects(constructor, { format: 'count' });
}

function countListeners(socket: Socket): number {
  return socket.eventNames().reduce((sum, name) => sum + socket.listenerCount(name), 0);
}

const api = {
  async start(): Promise<number> {
    await app.listen(0, '127.0.0.1');
    const server = app.getHttpServer();
    server.on('connection', (socket: Socket) => {
      connections.add(socket);
      socket.once('close', () => connections.delete(socket));
    });
    return (server.address() as { port: number }).port;
  },
  arrived: (count: number) => door.arrived(count),
  aborted: (count: number) => door.aborted(count),
  open: () => door.open(),
  async census(): Promise<Census> {
    await collect();
    const { heapUsed } = process.memoryUsage();
    return {
      heapBytes: heapUsed,
      signals: count(AbortSignal),
      scopes: count(AbortScope),
      sockets: count(Socket),
      listeners: [...connections].reduce((sum, socket) => sum + countListeners(socket), 0),
      handles: process.getActiveResourcesInfo().length,
      warnings,
    };
  },
};
export type HeapServer = typeof api;

serve(api, () => app.close());
