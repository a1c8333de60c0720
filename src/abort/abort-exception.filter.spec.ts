import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Controller, Get, Param, Req, Res, type ArgumentsHost } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  ABORT_CAUSES,
  AbortExceptionFilter,
  AbortReason,
  CancelledError,
  ClientDisconnectedError,
  DeadlineExceededError,
  DrainingError,
  RequestSignal,
  type AbortCause,
} from './index.js';
import { eventually, Gate } from '../testing/index.js';
import { AbortApp } from '../../test/support/abort-app.js';
import { get } from '../../test/support/abort-socket.js';

class LeaseLostError extends AbortReason {
  readonly code = 'lease_lost';
  readonly abortCause = 'lease_lost';
}

const THROWN = {
  client_disconnect: new ClientDisconnectedError(),
  user: new CancelledError('user', { by: 'lena', reason: 'wrong chapter' }),
  scope: new CancelledError('scope'),
  superseded: new CancelledError('superseded'),
  budget: new CancelledError('budget'),
  deadline: new DeadlineExceededError(250),
  drain: new DrainingError(7),
  lease_lost: new LeaseLostError('The lease is lost.'),
} satisfies Record<AbortCause, AbortReason>;

const ANSWERS: Record<Exclude<AbortCause, 'client_disconnect'>, { status: number; title: string; code: string; detail: string }> = {
  user: { status: 409, title: 'Task cancelled', code: 'task_cancelled', detail: 'wrong chapter' },
  scope: { status: 409, title: 'Task cancelled', code: 'task_cancelled', detail: 'The task was cancelled.' },
  superseded: { status: 409, title: 'Task cancelled', code: 'task_cancelled', detail: 'The task was cancelled.' },
  budget: { status: 402, title: 'Budget exhausted', code: 'budget_exceeded', detail: 'The task was cancelled.' },
  deadline: { status: 504, title: 'Deadline exceeded', code: 'deadline_exceeded', detail: 'The deadline of 250 ms passed.' },
  drain: {
    status: 503,
    title: 'Service unavailable',
    code: 'draining',
    detail: 'The server is shutting down and stopped this work.',
  },
  lease_lost: { status: 503, title: 'Service unavailable', code: 'lease_lost', detail: 'The lease is lost.' },
};

@Controller()
class ThrowingRoutes {
  @Get('throws/:cause')
  throws(@Param('cause') cause: AbortCause): never {
    throw THROWN[cause];
  }

  @Get('waits')
  async waits(@RequestSignal() signal: AbortSignal): Promise<void> {
    const waiting = delay(60_000, undefined, { signal });
    entered.open();
    await waiting;
  }

  @Get('aborts-itself')
  async abortsItself(@RequestSignal() signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    await delay(60_000, undefined, { signal: AbortSignal.abort() });
  }

  @Get('half/:cause')
  half(@Param('cause') cause: AbortCause, @Res() reply: FastifyReply): never {
    reply.hijack();
    reply.raw.writeHead(200, { 'content-length': 10 });
    reply.raw.write('half');
    throw THROWN[cause];
  }

  @Get('written')
  written(@Req() request: FastifyRequest): object {
    return { bytes: request.raw.socket.bytesWritten };
  }
}

const entered = new Gate();

interface Response {
  readonly id: string;
  readonly status: number;
  readonly isEnded: boolean;
  readonly bytes: number | undefined;
}

let app: AbortApp;
let id: string;
const closed: Response[] = [];
const answered: number[] = [];

function prepare(target: NestFastifyApplication): void {
  const fastify = target.getHttpAdapter().getInstance();
  fastify.addHook('onRequest', (request, reply, done) => {
    const { socket } = request.raw;
    reply.raw.once('close', () => {
      const { id: visit = '' } = request.params as { id?: string };
      closed.push({ id: visit, status: reply.statusCode, isEnded: reply.raw.writableEnded, bytes: socket.bytesWritten });
    });
    done();
  });
  fastify.addHook('onResponse', (_request, reply, done) => {
    answered.push(reply.statusCode);
    done();
  });
}

beforeAll(async () => {
  app = await AbortApp.start({ controllers: [ThrowingRoutes], prepare });
});

afterAll(async () => {
  await app.close();
});

beforeEach(() => {
  id = randomUUID();
  app.log.lines.length = 0;
  closed.length = answered.length = 0;
});

describe.each(ABORT_CAUSES.filter((cause) => cause !== 'client_disconnect'))(
  'An abort because of %s, to a client that listens',
  (cause) => {
    it('is a problem with a stable code, and no error in the log', async () => {
      const client = await app.client();
      client.send(get(`/throws/${cause}`));
      await client.answers(1);
      const [head = '', body = ''] = client.received.split('\r\n\r\n');
      expect(head).toMatch(new RegExp(`^HTTP/1.1 ${ANSWERS[cause].status} `));
      expect(head).toMatch(/content-type: application\/problem\+json/i);
      expect(JSON.parse(body)).toEqual({ type: 'about:blank', ...ANSWERS[cause] });
      expect(app.log.at('error')).toEqual([]);
      expect(app.log.at('warn')).toEqual([]);
      expect(answered).toEqual([ANSWERS[cause].status]);
    });

    it('says when to come back only if the server is draining', async () => {
      const client = await app.client();
      client.send(get(`/throws/${cause}`));
      await client.answers(1);
      expect(/^retry-after: (.*)$/im.exec(client.received)?.[1]).toBe(cause === 'drain' ? '7' : undefined);
    });
  },
);

describe('An abort that says more of itself', () => {
  it('is a problem with extension members, behind those that every problem has', () => {
    const adapter = { isHeadersSent: () => false, reply: jest.fn(), setHeader: jest.fn() };
    const host = new HttpAdapterHost();
    host.httpAdapter = adapter as never;
    const arguments_ = { switchToHttp: () => ({ getResponse: () => ({}) }) } as unknown as ArgumentsHost;
    const reason = new DeadlineExceededError(250);
    reason.extensions = { task_id: id, receipt: { stage: 'generate_quiz' } };
    new AbortExceptionFilter(host).catch(reason, arguments_);
    const body = { type: 'about:blank', ...ANSWERS.deadline, task_id: id, receipt: { stage: 'generate_quiz' } };
    expect(adapter.reply.mock.calls).toEqual([[{}, body, 504]]);
  });
});

describe('An abort because the client has left', () => {
  it('ends in silence: not a byte is written, the request is 499, and the log has a debug line at most', async () => {
    const client = await app.client();
    const visit = app.visit(id);
    client.send(get(`/signal/promise/${id}`));
    await visit.entered();
    client.hangUp();
    await visit.stopped();
    await eventually(() => app.log.at('debug', 'Abort').length > 0);
    expect(closed).toEqual([{ id, status: 200, isEnded: false, bytes: 0 }]);
    expect(app.log.lines.map(({ level, msg }) => [level, msg])).toEqual([['debug', '[http] Request ended by abort (client_disconnect)']]);
    expect(app.log.lines[0]!.fields).toMatchObject({ status: 499 });
    expect(client.received).toBe('');
  });

  it('is the same where Node itself threw, or a library did, because it was told to stop', async () => {
    const client = await app.client();
    client.send(get('/waits'));
    await entered.wait();
    client.hangUp();
    await eventually(() => app.log.lines.length > 0);
    expect(app.log.lines.map(({ level, msg }) => [level, msg])).toEqual([['debug', '[http] Request ended by abort (client_disconnect)']]);
  });

  it('is not what a signal of somebody else threw while the client is there', async () => {
    const client = await app.client();
    client.send(get('/aborts-itself'));
    await client.answers(1);
    expect(client.received).toMatch(/^HTTP\/1.1 500 /);
    expect(app.log.at('error')).toHaveLength(1);
  });

  it('is an empty 499 to whoever can still hear it', async () => {
    const client = await app.client();
    client.send(get('/throws/client_disconnect'));
    await client.answers(1);
    const [head = '', body] = client.received.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1.1 499 /);
    expect(body).toBe('');
    expect(answered).toEqual([499]);
    expect(app.log.at('error')).toEqual([]);
  });
});

describe('An abort after the headers were sent', () => {
  it.each(ABORT_CAUSES)('adds nothing to them (%s)', async (cause) => {
    const client = await app.client();
    client.send(get(`/half/${cause}`));
    await client.until('half');
    await eventually(() => app.log.at('debug', 'Abort').length > 0);
    client.hangUp();
    await app.hasSeenGo(client);
    expect(client.received).toMatch(/^HTTP\/1.1 200 OK\r\n.*\r\n\r\nhalf$/s);
    expect(app.log.at('error')).toEqual([]);
  });

  it('does not even touch the adapter', () => {
    const adapter = { isHeadersSent: () => true, reply: jest.fn(), setHeader: jest.fn() };
    const host = new HttpAdapterHost();
    host.httpAdapter = adapter as never;
    const arguments_ = { switchToHttp: () => ({ getResponse: () => ({}) }) } as unknown as ArgumentsHost;
    for (const cause of ABORT_CAUSES) new AbortExceptionFilter(host).catch(THROWN[cause], arguments_);
    expect(adapter.reply).not.toHaveBeenCalled();
    expect(adapter.setHeader).not.toHaveBeenCalled();
  });
});
