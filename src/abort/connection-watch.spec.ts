import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { connect, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Module, Param, Res, type DynamicModule, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { AbortContext, AbortModule, AbortStats, type AbortOptions, type AbortReason } from './index.js';
import { eventually } from '../testing/index.js';
import { RecordingLogger } from '../../test/support/abort-log.js';
import { get, RawClient } from '../../test/support/abort-socket.js';
import { AmbientRoutes, Visits } from '../../test/support/abort-visits.js';

const VANISHED_AFTER_MS = 600;
const PIECE = Buffer.alloc(1024 * 1024);
/** More than any buffer on the way holds. */
const PIECES = 64;
const NONE = { keep_alive: 0, unacknowledged: 0, unread: 0 };

/** What the routes below wrote, and how it ended, by request. */
@Injectable()
class Downloads {
  readonly reasons = new Map<string, AbortReason>();
}

interface RawResponse {
  readonly raw?: RawResponse;
  write(chunk: Buffer, done: () => void): boolean;
  end(): void;
}

@Controller('download')
class DownloadRoutes {
  constructor(
    private readonly downloads: Downloads,
    private readonly context: AbortContext,
  ) {}

  @Get(':id')
  read(@Param('id') id: string, @Res() response: RawResponse): void {
    const { signal } = this.context;
    signal.addEventListener('abort', () => this.downloads.reasons.set(id, signal.reason as AbortReason));
    writeAll(response.raw ?? response, PIECES);
  }
}

function writeAll(response: RawResponse, pieces: number): void {
  if (pieces === 0) response.end();
  else response.write(PIECE, () => writeAll(response, pieces - 1));
}

type Platform = 'Fastify' | 'Fastify over HTTP/2' | 'Express';

const log = new RecordingLogger();

class WatchedApp {
  readonly #sockets: Socket[] = [];

  private constructor(
    readonly app: INestApplication,
    private readonly platform: Platform,
  ) {}

  static async start(platform: Platform, options: Partial<AbortOptions> = { vanishedAfterMs: VANISHED_AFTER_MS }): Promise<WatchedApp> {
    log.lines.length = 0;
    const controllers = [DownloadRoutes, AmbientRoutes];
    const root: DynamicModule = { module: Root, imports: [AbortModule.forRoot(options)], controllers, providers: [Downloads, Visits] };
    const nest = { logger: log, abortOnError: false, forceCloseConnections: true };
    const fastify = new FastifyAdapter({ forceCloseConnections: true, ...(platform.endsWith('2') && { http2: true }) });
    const app = await NestFactory.create(root, platform === 'Express' ? new ExpressAdapter() : fastify, nest);
    await app.listen(0, '127.0.0.1');
    return new WatchedApp(app, platform);
  }

  get server(): Server {
    return this.app.getHttpServer() as Server;
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get vanished(): Readonly<Record<string, number>> {
    return this.app.get(AbortStats).vanished;
  }

  /** Asks for a download over a socket that is not read. */
  async download(id: string): Promise<Socket> {
    const socket = connect(this.port, '127.0.0.1');
    this.#sockets.push(socket.on('error', () => undefined));
    await once(socket, 'connect');
    if (this.platform.endsWith('2')) askOverHttp2(socket, `/download/${id}`);
    else socket.write(get(`/download/${id}`));
    return socket.pause();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await this.app.close();
  }
}

@Module({})
class Root {}

/** The client's windows are wide open, so that it is the connection that fills up. */
function askOverHttp2(socket: Socket, path: string): void {
  const session = connectHttp2('http://127.0.0.1', { createConnection: () => socket, settings: { initialWindowSize: 2 ** 31 - 1 } });
  session.on('error', () => undefined).setLocalWindowSize(2 ** 31 - 1);
  const stream = session.request({ ':path': path }).on('error', () => undefined);
  // Node reads on as long as there is room in the stream: its own handle has to stop.
  stream.once('response', () => (socket as unknown as { _handle: { readStop(): void } })._handle.readStop());
}

let app: WatchedApp;

afterEach(() => app.close());

describe.each<Platform>(['Fastify', 'Fastify over HTTP/2', 'Express'])('On %s, a client that reads nothing', (platform) => {
  it('is cut, its work told, and counted', async () => {
    app = await WatchedApp.start(platform);
    const id = randomUUID();
    await app.download(id);
    const { reasons } = app.app.get(Downloads);
    await eventually(() => reasons.has(id), { timeoutMs: 10_000, message: 'the work being told' });
    expect(reasons.get(id)).toMatchObject({ code: 'client_disconnected' });
    expect(app.vanished).toEqual({ ...NONE, unread: 1 });
    expect(app.app.get(AbortStats).disconnects).toBe(1);
    const lines = log.lines.filter(({ msg }) => msg.startsWith('[Abort] A client vanished: '));
    expect(lines).toEqual([expect.objectContaining({ level: 'log', fields: expect.objectContaining({ by: 'unread' }) as unknown })]);
    expect(Number(lines[0]!.fields.ms)).toBeGreaterThan(VANISHED_AFTER_MS / 2);
    expect(log.at('error')).toEqual([]);
  });
});

describe('A client that reads a little now and then', () => {
  it('gets all of it, though that takes many times as long', async () => {
    app = await WatchedApp.start('Fastify');
    const socket = await app.download(randomUUID());
    let received = 0;
    const since = performance.now();
    // A paused socket gives at most what Node has read ahead, 64 KiB.
    const timer = setInterval(() => (received += (socket.read() as Buffer | null)?.length ?? 0), 5);
    await eventually(() => received > PIECES * PIECE.length, { timeoutMs: 50_000, message: 'all of it' }).finally(() =>
      clearInterval(timer),
    );
    expect(performance.now() - since).toBeGreaterThan(3 * VANISHED_AFTER_MS);
    expect(app.vanished).toEqual(NONE);
  });
});

describe('A process that was held up itself', () => {
  it('makes one late look, and cuts nobody for it', async () => {
    app = await WatchedApp.start('Fastify', { vanishedAfterMs: 3000 });
    const socket = await app.download(randomUUID());
    await eventually(() => socket.readableLength > 0);
    // Time for a look or two that find nothing moved, before and after, and not for so many as end a connection.
    await passes(300);
    holdUp(2000);
    await passes(300);
    let received = 0;
    socket.on('data', (data: Buffer) => (received += data.length)).resume();
    await eventually(() => received > PIECES * PIECE.length, { timeoutMs: 30_000, message: 'all of it' });
    expect(app.vanished).toEqual(NONE);
  });
});

async function passes(ms: number): Promise<void> {
  const since = performance.now();
  await eventually(() => performance.now() - since > ms);
}

/** Nothing else happens in this process for so long. */
function holdUp(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

describe('A client that waits', () => {
  it('is left alone, and nothing is left of the watching when the app has closed', async () => {
    app = await WatchedApp.start('Fastify');
    const listeners = ['connection', 'request'].map((event) => app.server.listenerCount(event));
    const visit = app.app.get(Visits).of(randomUUID());
    const client = await RawClient.connect(app.port);
    client.send(get(`/ambient/promise/${visit.id}`));
    await visit.entered();
    const id = randomUUID();
    await app.download(id);
    await eventually(() => app.app.get(Downloads).reasons.has(id), { timeoutMs: 10_000 });
    expect(visit.signal!.aborted).toBe(false);
    visit.gate.open();
    await client.answers(1);
    client.hangUp();
    expect(app.vanished).toEqual({ ...NONE, unread: 1 });
    await app.app.close();
    const [connection = 0, request = 0] = listeners;
    // The other of 'connection' is of those who let a crowd close in turns.
    expect(['connection', 'request'].map((event) => app.server.listenerCount(event))).toEqual([connection - 2, request - 1]);
  });
});

describe('Without vanishedAfterMs', () => {
  it('nothing listens to connections', async () => {
    app = await WatchedApp.start('Fastify', {});
    const without = app.server.listenerCount('connection');
    await app.close();
    app = await WatchedApp.start('Fastify');
    expect(app.server.listenerCount('connection')).toBe(without + 1);
  });
});
