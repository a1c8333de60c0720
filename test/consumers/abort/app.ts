import 'reflect-metadata';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { ABORT_OPTIONS, AbortContext, AbortModule, AbortStats, RequestSignal, isAbortReason, wait, type AbortOptions } from '@hangup/abort';
import {
  Body,
  ConsoleLogger,
  Controller,
  Get,
  Injectable,
  Module,
  Post,
  type DynamicModule,
  type INestApplication,
  type Type,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';

// @ts-expect-error A time is a number of milliseconds.
AbortModule.forRoot({ zombieAfterMs: 'soon' });

/** A service that does its work piece by piece, and finds the signal of the request by itself. */
@Injectable()
class Gateway {
  signal: AbortSignal | undefined;
  /** Why it may not begin anything more. */
  refused: string | void = undefined;
  readonly begun = Promise.withResolvers<void>();
  readonly ended = Promise.withResolvers<unknown>();

  constructor(private readonly abort: AbortContext) {}

  async work(): Promise<never> {
    this.signal = this.abort.signal;
    try {
      for (;;) await this.piece();
    } catch (error) {
      this.refused = await this.piece().catch(({ code }: { code: string }) => code);
      this.ended.resolve(error);
      throw error;
    }
  }

  async piece(): Promise<void> {
    this.abort.checkpoint('work');
    this.begun.resolve();
    await wait(1, this.abort.signal);
  }
}

@Controller()
class Routes {
  answered: AbortSignal | undefined;

  constructor(private readonly gateway: Gateway) {}

  @Post('work')
  async work(@Body() body: { readonly pieces: string }): Promise<never> {
    if (body.pieces !== 'endless') throw new Error('The body has not arrived.');
    return await this.gateway.work();
  }

  @Get('answer')
  async answer(@RequestSignal() signal: AbortSignal): Promise<object> {
    this.answered = signal;
    await Promise.resolve();
    return { answer: 42 };
  }
}

class RecordingLogger extends ConsoleLogger {
  readonly errors: unknown[] = [];

  override log(): void {}
  override debug(): void {}
  override error(...message: unknown[]): void {
    this.errors.push(message);
  }
}

const ADAPTERS = { fastify: () => new FastifyAdapter(), express: () => new ExpressAdapter() };
const OPTIONS = { zombieAfterMs: 1234 };
const MOUNTS: Record<string, () => DynamicModule> = {
  forRoot: () => AbortModule.forRoot(OPTIONS),
  forRootAsync: () => AbortModule.forRootAsync({ useFactory: async () => await Promise.resolve(OPTIONS) }),
};

function rootModule(mount: () => DynamicModule): Type {
  @Module({ imports: [mount()], controllers: [Routes], providers: [Gateway] })
  class RootModule {}
  return RootModule;
}

async function visit(app: INestApplication): Promise<object> {
  const server = app.getHttpServer() as Server;
  const hungUp = await hangUpOnWork(app, server);
  await answer(server);
  const { disconnects } = app.get(AbortStats);
  return {
    zombieAfterMs: app.get<AbortOptions>(ABORT_OPTIONS).zombieAfterMs,
    ...hungUp,
    disconnects,
    answerAborted: app.get(Routes).answered?.aborted,
  };
}

async function hangUpOnWork(app: INestApplication, server: Server): Promise<object> {
  const gateway = app.get(Gateway);
  const [client] = await open(server);
  const body = JSON.stringify({ pieces: 'endless' });
  const headers = `Host: test\r\nContent-Type: application/json\r\nContent-Length: ${body.length}`;
  client.write(`POST /work HTTP/1.1\r\n${headers}\r\n\r\n${body}`);
  await gateway.begun.promise;
  const abortedBefore = gateway.signal?.aborted;
  client.destroy();
  const reason = await gateway.ended.promise;
  return {
    abortedBefore,
    reason: isAbortReason(reason) ? reason.code : reason,
    isReason: reason === gateway.signal?.reason,
    refused: gateway.refused,
  };
}

/** An answered request, whose connection is kept alive and closed only then. */
async function answer(server: Server): Promise<void> {
  const [client, accepted] = await open(server);
  client.setEncoding('utf8').write('GET /answer HTTP/1.1\r\nHost: test\r\n\r\n');
  for await (const chunk of client as AsyncIterable<string>) if (chunk.includes('{"answer":42}')) break;
  if (!accepted.destroyed) await once(accepted, 'close');
}

async function open(server: Server): Promise<[client: Socket, accepted: Socket]> {
  const accepted = once(server, 'connection');
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  return [client, (await accepted)[0] as Socket];
}

async function main(): Promise<void> {
  for (const [platform, adapter] of Object.entries(ADAPTERS)) {
    for (const [how, mount] of Object.entries(MOUNTS)) {
      const logger = new RecordingLogger();
      const app = await NestFactory.create(rootModule(mount), adapter(), { logger });
      await app.listen(0, '127.0.0.1');
      const seen = await visit(app);
      await app.close();
      process.stdout.write(`${JSON.stringify({ platform, how, ...seen, errors: logger.errors })}\n`);
    }
  }
}

void main();
