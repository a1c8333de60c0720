import type { AddressInfo, Socket } from 'node:net';
import { Module, type DynamicModule, type ModuleMetadata, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { AbortModule, AbortStats, type AbortOptions } from '../../src/abort/index.js';
import { eventually } from '../../src/testing/index.js';
import { RecordingLogger } from './abort-log.js';
import { RawClient } from './abort-socket.js';
import { AmbientRoutes, SignalRoutes, Visits, type Visit } from './abort-visits.js';

export interface AbortAppOptions {
  readonly controllers?: Type[];
  readonly providers?: NonNullable<ModuleMetadata['providers']>;
  readonly options?: Partial<AbortOptions>;
  /** Mounts the module otherwise than through `forRoot`; `null` leaves it out. */
  readonly mount?: DynamicModule | Type | null;
  readonly http2?: boolean;
  /** Called before the app listens, for hooks. */
  readonly prepare?: (app: NestFastifyApplication) => void;
}

@Module({})
class RootModule {}

/** One for each test file: Nest has one logger in a process, that of the app made last. */
const log = new RecordingLogger();

/** A Nest app on Fastify with nothing in it but `AbortModule`, listening on a free port. */
export class AbortApp {
  readonly log = log;
  readonly #clients: RawClient[] = [];
  /** The server's ends of the connections that live, by the port of the client. */
  readonly #connections = new Map<number, Socket>();

  private constructor(readonly app: NestFastifyApplication) {
    app.getHttpServer().on('connection', (socket: Socket) => {
      const port = socket.remotePort!;
      this.#connections.set(port, socket);
      socket.once('close', () => this.#connections.delete(port));
    });
  }

  static async start({ controllers = [], providers = [], options = {}, mount, http2, prepare }: AbortAppOptions = {}): Promise<AbortApp> {
    const abortModule = mount === undefined ? AbortModule.forRoot(options) : mount;
    const root: DynamicModule = {
      module: RootModule,
      imports: abortModule ? [abortModule] : [],
      controllers: [...(abortModule ? [SignalRoutes, AmbientRoutes] : []), ...controllers],
      providers: [Visits, ...providers],
      exports: [Visits],
    };
    const adapter = new FastifyAdapter({ forceCloseConnections: true, ...(http2 && { http2: true }) });
    const app = await NestFactory.create<NestFastifyApplication>(root, adapter, { logger: log, abortOnError: false });
    prepare?.(app);
    await app.listen(0, '127.0.0.1');
    return new AbortApp(app);
  }

  get port(): number {
    return (this.app.getHttpServer().address() as AddressInfo).port;
  }

  get stats(): AbortStats {
    return this.app.get(AbortStats);
  }

  visit(id: string): Visit {
    return this.app.get(Visits).of(id);
  }

  async client(): Promise<RawClient> {
    const client = await RawClient.connect(this.port);
    this.#clients.push(client);
    return client;
  }

  /** The server's end of a client's connection. */
  connectionOf(client: RawClient): Socket {
    return this.#connections.get(client.port)!;
  }

  /** Resolves when the server has seen this client go. */
  async hasSeenGo(client: RawClient): Promise<void> {
    await eventually(() => !this.#connections.has(client.port), { message: 'the server seeing its client go' });
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.hangUp();
    await this.app.close();
  }
}
