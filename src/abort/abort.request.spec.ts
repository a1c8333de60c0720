import { randomUUID } from 'node:crypto';
import type { ServerResponse } from 'node:http';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  Get,
  Injectable,
  NotFoundException,
  Param,
  Req,
  Res,
  Sse,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type MessageEvent,
} from '@nestjs/common';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { EMPTY, firstValueFrom, Observable, of, throwError } from 'rxjs';
import { AbortContext, AbortInterceptor, AbortModule, ClientDisconnectedError, RequestScope, RequestSignal } from './index.js';
import { abortListenersOf, eventually } from '../testing/index.js';
import { AbortApp } from '../../test/support/abort-app.js';
import { get, post } from '../../test/support/abort-socket.js';
import { Visits } from '../../test/support/abort-visits.js';

/** Lets the request through once the gate of its visit is open, as a slow token check does. */
@Injectable()
class SlowGuard implements CanActivate {
  constructor(private readonly visits: Visits) {}

  async canActivate(execution: ExecutionContext): Promise<boolean> {
    const { id } = execution.switchToHttp().getRequest<{ params: { id: string } }>().params;
    await this.visits.of(`guard-${id}`).gate.wait();
    return true;
  }
}

@Controller()
class OddRoutes {
  constructor(
    private readonly visits: Visits,
    private readonly context: AbortContext,
  ) {}

  @Get('guarded/promise/:id')
  @UseGuards(SlowGuard)
  async guarded(@Param('id') id: string): Promise<object> {
    return await this.visits.of(id).stay(this.context.signal);
  }

  @Get('guarded/observable/:id')
  @UseGuards(SlowGuard)
  guardedObservable(@Param('id') id: string, @RequestSignal() signal: AbortSignal): Observable<object> {
    this.visits.of(id).signal = signal;
    return of({ id });
  }

  @Get('guarded/generator/:id')
  @UseGuards(SlowGuard)
  guardedGenerator(@Param('id') id: string, @RequestSignal() signal: AbortSignal): AsyncGenerator<string> {
    this.visits.of(id).signal = signal;
    return words();
  }

  /** Looks at its signal for the first time when its gate has opened. */
  @Get('late/:id')
  async late(@Param('id') id: string): Promise<object> {
    const visit = this.visits.of(id);
    await visit.gate.wait();
    visit.signal = this.context.signal;
    visit.outcome = 'looked';
    return { id };
  }

  /** Sets its stream up first, and looks at its signal only then. */
  @Sse('late-sse/:id')
  async lateSse(@Param('id') id: string): Promise<Observable<MessageEvent>> {
    const visit = this.visits.of(id);
    await visit.gate.wait();
    visit.signal = this.context.signal;
    visit.outcome = 'looked';
    return EMPTY;
  }

  /** Fails in the very moment of the abort. */
  @Sse('sudden-sse/:id')
  suddenSse(@Param('id') id: string, @RequestSignal() signal: AbortSignal): Observable<MessageEvent> {
    const visit = this.visits.of(id);
    visit.signal = signal;
    return new Observable((subscriber) => {
      subscriber.next({ data: 'first' });
      signal.addEventListener('abort', () => {
        visit.outcome = signal.reason;
        subscriber.error(signal.reason);
      });
    });
  }

  /** Answers, and leaves work behind that looks at the signal afterwards. */
  @Get('leftover/:id')
  leftover(@Param('id') id: string): object {
    const visit = this.visits.of(id);
    void visit.gate.wait().then(() => {
      visit.signal = this.context.signal;
    });
    return { id };
  }

  @Get('failing/promise')
  failing(): never {
    throw new NotFoundException('no such quiz');
  }

  @Get('failing/observable')
  failingObservable(): Observable<never> {
    return throwError(() => new NotFoundException('no such quiz'));
  }

  @Get('failing/generator')
  async *failingGenerator(): AsyncGenerator<string> {
    await Promise.resolve();
    throw new NotFoundException('no such quiz');
  }

  /** Fails on its own account just when the client has left. */
  @Get('racing/:id')
  async racing(@Param('id') id: string, @RequestSignal() signal: AbortSignal): Promise<object> {
    const visit = this.visits.of(id);
    try {
      return await visit.stay(signal);
    } catch {
      throw new Error('duplicate key');
    }
  }
}

@Controller('plain')
class PlainRoutes {
  @Get('listeners')
  listeners(@Res({ passthrough: true }) reply: FastifyReply, @Req() request: FastifyRequest): object {
    return { response: reply.raw.listenerCount('close'), socket: request.raw.socket.listenerCount('close') };
  }
}

async function* words(): AsyncGenerator<string> {
  yield await Promise.resolve('first\n');
}

const WAYS_TO_LEAVE = ['hangUp', 'reset', 'end'] as const;

let app: AbortApp;
let id: string;

describe.each(['request', 'interceptor'] as const)('With the scope opened in the %s', (entry) => {
  beforeAll(async () => {
    app = await AbortApp.start({ mount: AbortModule.forRoot({ entry }), controllers: [OddRoutes, PlainRoutes], providers: [SlowGuard] });
  });

  afterAll(async () => {
    await app.close();
  });

  beforeEach(() => {
    id = randomUUID();
    app.log.lines.length = 0;
  });

  describe.each(['signal', 'ambient'])('A client that leaves mid-handler, where the work looks at its %s signal', (how) => {
    const HANDLERS: [string, (path: string) => string, string | undefined][] = [
      ['promise', get, undefined],
      ['promise', (path) => post(path, { answer: '你好' }), undefined],
      ['observable', get, undefined],
      ['generator', get, 'first'],
      ['quiet-generator', get, undefined],
      ['sse', get, 'data: first'],
    ];

    describe.each(HANDLERS)('in a %s handler (%#)', (kind, request, firstBytes) => {
      it.each(WAYS_TO_LEAVE)('by %s, stops it with a ClientDisconnectedError and logs no error', async (leave) => {
        const client = await app.client();
        const visit = app.visit(id);
        const { disconnects } = app.stats;
        client.send(request(`/${how}/${kind}/${id}`));
        await visit.entered();
        if (firstBytes) await client.until(firstBytes);
        expect(visit.signal!.aborted).toBe(false);
        client[leave]();
        expect(await visit.stopped()).toBeInstanceOf(ClientDisconnectedError);
        expect(visit.outcome).toBe(visit.signal!.reason);
        await eventually(() => client.isClosed);
        await anotherRequestIsAnswered();
        expect(app.log.at('error')).toEqual([]);
        expect(app.log.at('warn')).toEqual([]);
        expect(app.stats.disconnects).toBe(disconnects + 1);
      });

      it('is a different story from one that waits for its answer: nothing is aborted then, and nothing listens any more', async () => {
        const client = await app.client();
        const visit = app.visit(id);
        client.send(request(`/${how}/${kind}/${id}`));
        await visit.entered();
        visit.gate.open();
        await client.answers(1);
        expect(client.received).toMatch(/^HTTP\/1\.1 20[01]/);
        client.hangUp();
        await anotherRequestIsAnswered();
        expect(visit.outcome).toBe('completed');
        expect(visit.signal!.aborted).toBe(false);
      });
    });
  });

  describe('The ambient context', () => {
    it.each(['generator', 'quiet-generator', 'observable', 'sse', 'promise'])('is the request’s own inside a %s', async (kind) => {
      const client = await app.client();
      const visit = app.visit(id);
      client.send(get(`/signal/${kind}/${id}`));
      await visit.entered();
      expect(visit.frame?.kind).toBe('live');
      expect(visit.frame?.scope.signal).toBe(visit.signal);
      visit.gate.open();
      await client.answers(1);
    });

    it.each(['hangUp', 'gate'] as const)('is still there in the finally of a generator that ends by %s', async (end) => {
      const client = await app.client();
      const visit = app.visit(id);
      client.send(get(`/ambient/generator/${id}`));
      await visit.entered();
      if (end === 'hangUp') client.hangUp();
      else visit.gate.open();
      await eventually(() => visit.frameAtEnd !== undefined);
      expect(visit.frameAtEnd!.scope).toBe(visit.frame!.scope);
    });
  });

  describe('A body that has been read', () => {
    it('aborts nothing, although the request has closed', async () => {
      const client = await app.client();
      const visit = app.visit(id);
      client.send(post(`/signal/promise/${id}`, { answer: '你好'.repeat(20_000) }));
      await visit.entered();
      // Time for the 'close' of the request to be emitted: another exchange goes to the server and back.
      await anotherRequestIsAnswered();
      expect(visit.body).toEqual({ answer: '你好'.repeat(20_000) });
      expect(visit.signal!.aborted).toBe(false);
      visit.gate.open();
      await client.answers(1);
      expect(visit.outcome).toBe('completed');
    });

    it('that never came whole starts no handler', async () => {
      const client = await app.client();
      client.send(post(`/signal/promise/${id}`, { answer: '你好'.repeat(20_000) }).slice(0, 5000));
      await anotherRequestIsAnswered();
      client.reset();
      await anotherRequestIsAnswered();
      expect(app.visit(id).signal).toBeUndefined();
    });
  });

  describe('Two requests one after the other on a kept-alive connection', () => {
    it.each<[string, (path: string) => string]>([
      ['GET', get],
      ['POST', (path) => post(path, {})],
    ])('are apart: the end of the second, a %s, does not reach the first', async (_, request) => {
      const client = await app.client();
      const [first, second] = [app.visit(`${id}-1`), app.visit(`${id}-2`)];
      client.send(request(`/signal/promise/${first.id}`));
      await first.entered();
      first.gate.open();
      await client.answers(1);
      client.send(request(`/signal/promise/${second.id}`));
      await second.entered();
      client.hangUp();
      expect(await second.stopped()).toBeInstanceOf(ClientDisconnectedError);
      expect(first.signal!.aborted).toBe(false);
      expect(first.outcome).toBe('completed');
    });

    it('are apart also when the first one failed', async () => {
      const client = await app.client();
      const visit = app.visit(id);
      client.send(get('/failing/promise'));
      await client.answers(1);
      client.send(get(`/signal/promise/${id}`));
      await visit.entered();
      expect(visit.signal!.aborted).toBe(false);
      visit.gate.open();
      await client.answers(2);
      expect(visit.outcome).toBe('completed');
    });

    it('go on as if nothing had happened after somebody else was cut off', async () => {
      const [staying, leaving] = [await app.client(), await app.client()];
      const [gone, next] = [app.visit(`${id}-1`), app.visit(`${id}-2`)];
      staying.send(get('/plain/listeners'));
      await staying.answers(1);
      leaving.send(get(`/signal/promise/${gone.id}`));
      await gone.entered();
      leaving.hangUp();
      await gone.stopped();
      staying.send(get(`/signal/promise/${next.id}`));
      await next.entered();
      next.gate.open();
      await staying.answers(2);
      expect(next.signal!.aborted).toBe(false);
    });
  });

  describe('Two requests at once', () => {
    it('on two connections: the one whose client leaves is stopped, the other is answered', async () => {
      const [leaving, staying] = [await app.client(), await app.client()];
      const [gone, kept] = [app.visit(`${id}-1`), app.visit(`${id}-2`)];
      leaving.send(get(`/ambient/promise/${gone.id}`));
      staying.send(get(`/ambient/promise/${kept.id}`));
      await Promise.all([gone.entered(), kept.entered()]);
      leaving.hangUp();
      await gone.stopped();
      expect(kept.signal!.aborted).toBe(false);
      kept.gate.open();
      await staying.answers(1);
      expect(kept.outcome).toBe('completed');
    });

    it('pipelined on one connection: both are stopped when it dies, also the one that waits for its turn', async () => {
      const client = await app.client();
      const [first, second] = [app.visit(`${id}-1`), app.visit(`${id}-2`)];
      client.send(get(`/signal/promise/${first.id}`), get(`/signal/promise/${second.id}`));
      await Promise.all([first.entered(), second.entered()]);
      client.reset();
      expect(await first.stopped()).toBeInstanceOf(ClientDisconnectedError);
      expect(await second.stopped()).toBeInstanceOf(ClientDisconnectedError);
    });

    it('pipelined on one connection: the second is stopped when the connection dies after the first was answered', async () => {
      const client = await app.client();
      const [first, second] = [app.visit(`${id}-1`), app.visit(`${id}-2`)];
      client.send(get(`/signal/promise/${first.id}`), get(`/signal/promise/${second.id}`));
      await Promise.all([first.entered(), second.entered()]);
      first.gate.open();
      await client.answers(1);
      client.reset();
      expect(await second.stopped()).toBeInstanceOf(ClientDisconnectedError);
      expect(first.signal!.aborted).toBe(false);
    });

    it('pipelined on one connection: neither is aborted when both are answered, in whichever order they finish', async () => {
      const client = await app.client();
      const [first, second] = [app.visit(`${id}-1`), app.visit(`${id}-2`)];
      client.send(get(`/signal/promise/${first.id}`), get(`/signal/promise/${second.id}`));
      await Promise.all([first.entered(), second.entered()]);
      second.gate.open();
      await eventually(() => second.outcome === 'completed');
      first.gate.open();
      await client.answers(2);
      client.hangUp();
      await anotherRequestIsAnswered();
      expect([first.signal!.aborted, second.signal!.aborted]).toEqual([false, false]);
    });

    it('pipelined on one connection: an event stream that waits for its turn is stopped too', async () => {
      const client = await app.client();
      const [first, second] = [app.visit(`${id}-1`), app.visit(`${id}-2`)];
      client.send(get(`/signal/promise/${first.id}`), get(`/ambient/sse/${second.id}`));
      await Promise.all([first.entered(), second.entered()]);
      client.reset();
      expect(await second.stopped()).toBeInstanceOf(ClientDisconnectedError);
    });

    it('or forty of them pipelined put one listener on the connection, and leave none', async () => {
      const client = await app.client();
      const visits = Array.from({ length: 40 }, (_, index) => app.visit(`${id}-${index}`));
      const connection = app.connectionOf(client);
      const before = connection.listenerCount('close');
      client.send(...visits.map((visit) => get(`/ambient/promise/${visit.id}`)));
      await Promise.all(visits.map((visit) => visit.entered()));
      // One is Node's own for the response whose turn it is, one is ours for all those that wait.
      expect(connection.listenerCount('close') - before).toBe(2);
      for (const visit of visits) visit.gate.open();
      await client.answers(40);
      expect(connection.listenerCount('close')).toBe(before);
      expect(visits.filter((visit) => visit.signal!.aborted)).toEqual([]);
    });
  });

  describe('A client that left before the handler ran', () => {
    it.each(['promise', 'observable', 'generator'])('is seen when a %s handler first looks at its signal', async (kind) => {
      const client = await app.client();
      const guard = app.visit(`guard-${id}`);
      const visit = app.visit(id);
      client.send(get(`/guarded/${kind}/${id}`));
      await guard.entered();
      client.hangUp();
      await app.hasSeenGo(client);
      guard.gate.open();
      await eventually(() => visit.signal !== undefined);
      expect(visit.signal!.aborted).toBe(true);
      expect(visit.signal!.reason).toBeInstanceOf(ClientDisconnectedError);
      await anotherRequestIsAnswered();
      expect(app.log.at('error')).toEqual([]);
    });
  });

  describe('A handler that looks at its signal for the first time', () => {
    it.each(['late', 'late-sse'])('when the client has left, finds it aborted (%s)', async (route) => {
      const client = await app.client();
      const visit = app.visit(id);
      client.send(get(`/${route}/${id}`));
      await visit.entered();
      client.hangUp();
      await app.hasSeenGo(client);
      visit.gate.open();
      await visit.stopped();
      expect(visit.signal!.aborted).toBe(true);
      expect(visit.signal!.reason).toBeInstanceOf(ClientDisconnectedError);
    });

    it('when the client has left while it waited for its turn in a pipeline, finds it aborted', async () => {
      const client = await app.client();
      const [first, second, third] = [app.visit(`${id}-1`), app.visit(`${id}-2`), app.visit(`${id}-3`)];
      client.send(get(`/signal/promise/${first.id}`), get(`/late/${second.id}`), get(`/late-sse/${third.id}`));
      await Promise.all([first.entered(), second.entered(), third.entered()]);
      client.hangUp();
      await app.hasSeenGo(client);
      second.gate.open();
      third.gate.open();
      await Promise.all([second.stopped(), third.stopped()]);
      expect([second.signal!.aborted, third.signal!.aborted]).toEqual([true, true]);
    });

    it.each(['before', 'after'])('once the request has been answered, %s the connection closes, finds no abort', async (when) => {
      const client = await app.client();
      const visit = app.visit(id);
      client.send(get(`/leftover/${id}`));
      await client.answers(1);
      if (when === 'after') {
        client.hangUp();
        await app.hasSeenGo(client);
      }
      visit.gate.open();
      await eventually(() => visit.signal !== undefined);
      client.hangUp();
      await app.hasSeenGo(client);
      expect(visit.signal!.aborted).toBe(false);
    });
  });

  describe('A client that leaves in the same tick as its answer', () => {
    it.each(['onSend', 'prefinish'] as const)('has been answered, as far as anybody can know (%s)', async (moment) => {
      const cutInTheTickOf = (response: ServerResponse): void => {
        if (moment === 'onSend') response.socket!.destroy();
        else response.once('prefinish', () => response.socket!.destroy());
      };
      const prepare = (target: NestFastifyApplication): void => {
        const fastify = target.getHttpAdapter().getInstance();
        fastify.addHook('onSend', (_request, reply, payload, done) => {
          cutInTheTickOf(reply.raw);
          done(null, payload);
        });
      };
      const tick = await AbortApp.start({ mount: AbortModule.forRoot({ entry }), prepare });
      const client = await tick.client();
      const visit = tick.visit(id);
      client.send(get(`/signal/promise/${id}`));
      await visit.entered();
      visit.gate.open();
      await tick.hasSeenGo(client);
      await tick.close();
      expect(visit.outcome).toBe('completed');
      expect(visit.signal!.aborted).toBe(false);
      expect(app.log.at('error')).toEqual([]);
    });

    it('is either answered or gone, whichever way a hundred such races go, and never an error', async () => {
      for (let round = 0; round < 100; round++) {
        const client = await app.client();
        const visit = app.visit(`${id}-${round}`);
        client.send(get(`/signal/promise/${visit.id}`));
        await visit.entered();
        if (round % 2 === 0) client.reset();
        visit.gate.open();
        if (round % 2 === 1) client.reset();
        await visit.stopped();
      }
      await anotherRequestIsAnswered();
      expect(app.log.at('error')).toEqual([]);
    });
  });

  describe('An event stream that fails in the very moment of the abort', () => {
    it('is no error in the log', async () => {
      const client = await app.client();
      const visit = app.visit(id);
      client.send(get(`/sudden-sse/${id}`));
      await client.until('data: first');
      client.hangUp();
      expect(await visit.stopped()).toBeInstanceOf(ClientDisconnectedError);
      await anotherRequestIsAnswered();
      expect(app.log.at('error')).toEqual([]);
    });
  });

  describe('A route that never looks at its signal', () => {
    it('has no listener more than without the module, and no AbortController', async () => {
      const bare = await AbortApp.start({ controllers: [PlainRoutes], mount: null });
      const client = await bare.client();
      client.send(get('/plain/listeners'));
      await client.answers(1);
      const without = client.received.split('\r\n\r\n')[1];
      await bare.close();
      const { AbortController: Original } = globalThis;
      let made = 0;
      globalThis.AbortController = class extends Original {
        constructor() {
          super();
          made += 1;
        }
      };
      try {
        expect(JSON.stringify(await listenersOfFreshConnection())).toBe(without);
        expect(made).toBe(0);
        const looking = await app.client();
        looking.send(get(`/leftover/${id}`));
        app.visit(id).gate.open();
        await looking.answers(1);
        expect(made).toBe(1);
      } finally {
        globalThis.AbortController = Original;
      }
    });
  });

  describe('Failures of a handler', () => {
    it.each(['promise', 'observable', 'generator'])('pass unchanged through a %s', async (kind) => {
      const client = await app.client();
      client.send(get(`/failing/${kind}`));
      await client.answers(1);
      expect(client.received).toMatch(/^HTTP\/1\.1 404 .*"message":"no such quiz"/s);
    });

    it('stay failures when the client has left, and are logged as errors', async () => {
      const client = await app.client();
      const visit = app.visit(id);
      client.send(get(`/racing/${id}`));
      await visit.entered();
      client.hangUp();
      await visit.stopped();
      await eventually(() => app.log.at('error').length > 0);
      expect(app.log.at('error')).toEqual([expect.stringContaining('duplicate key')]);
    });
  });

  describe('abortOnDisconnect: false', () => {
    it('lets the work go on when its client leaves, and shares no signal between requests', async () => {
      const ignoring = await AbortApp.start({ mount: AbortModule.forRoot({ entry, abortOnDisconnect: false }) });
      const clients = [await ignoring.client(), await ignoring.client()];
      const visits = [ignoring.visit(`${id}-1`), ignoring.visit(`${id}-2`)];
      for (const [index, client] of clients.entries()) client.send(get(`/signal/promise/${visits[index]!.id}`));
      await Promise.all(visits.map((visit) => visit.entered()));
      for (const client of clients) client.hangUp();
      for (const visit of visits) visit.gate.open();
      await Promise.all(visits.map((visit) => visit.stopped()));
      expect(visits.map((visit) => [visit.outcome, visit.signal!.aborted])).toEqual([
        ['completed', false],
        ['completed', false],
      ]);
      expect(visits[0]!.signal).not.toBe(visits[1]!.signal);
      expect(abortListenersOf(visits[0]!.signal!).length).toBeLessThanOrEqual(1);
      await ignoring.close();
    });
  });
});

describe('Outside HTTP', () => {
  it('the interceptor steps aside', async () => {
    const context = new AbortContext();
    const execution = { getType: () => 'rpc' } as unknown as ExecutionContext;
    const answer = new AbortInterceptor(new RequestScope(context)).intercept(execution, { handle: () => of(context.frame) });
    await expect(firstValueFrom(answer)).resolves.toBeUndefined();
  });
});

async function anotherRequestIsAnswered(): Promise<void> {
  await listenersOfFreshConnection();
}

async function listenersOfFreshConnection(): Promise<object> {
  const client = await app.client();
  client.send(get('/plain/listeners'));
  await client.answers(1);
  client.hangUp();
  return JSON.parse(client.received.split('\r\n\r\n')[1]!) as object;
}
