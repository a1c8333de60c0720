import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, constants, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Param } from '@nestjs/common';
import { AbortContext, ClientDisconnectedError } from './index.js';
import { eventually } from '../testing/index.js';
import { AbortApp } from '../../test/support/abort-app.js';
import { Visits } from '../../test/support/abort-visits.js';

@Controller()
class LateRoutes {
  constructor(
    private readonly visits: Visits,
    private readonly context: AbortContext,
  ) {}

  /** Looks at its signal for the first time when its gate has opened. */
  @Get('late/:id')
  async late(@Param('id') id: string): Promise<object> {
    const visit = this.visits.of(id);
    await visit.gate.wait();
    visit.signal = this.context.signal;
    visit.outcome = 'looked';
    return { id };
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
}

interface Exchange {
  readonly stream: ClientHttp2Stream;
  /** The status and the body, once the stream has ended. */
  readonly answer: Promise<{ status: number; body: string }>;
}

let app: AbortApp;
let session: ClientHttp2Session;
let id: string;

function ask(path: string, body?: object): Exchange {
  const stream = session.request({
    ':path': path,
    ':method': body ? 'POST' : 'GET',
    ...(body && { 'content-type': 'application/json' }),
  });
  stream.on('error', () => undefined);
  stream.end(body && JSON.stringify(body));
  return { stream, answer: answerOf(stream) };
}

async function answerOf(stream: ClientHttp2Stream): Promise<{ status: number; body: string }> {
  const answer = { status: 0, body: '' };
  stream.on('response', (headers) => (answer.status = headers[':status'] ?? 0));
  stream.setEncoding('utf8').on('data', (chunk: string) => (answer.body += chunk));
  await new Promise((resolve) => stream.once('close', resolve));
  return answer;
}

/** Another exchange on the same session: what was sent before has arrived when it is answered. */
async function roundTrip(): Promise<void> {
  const visit = app.visit(randomUUID());
  visit.gate.open();
  expect(await ask(`/ambient/promise/${visit.id}`).answer).toMatchObject({ status: 200 });
}

beforeAll(async () => {
  app = await AbortApp.start({ http2: true, controllers: [LateRoutes] });
});

afterAll(async () => {
  await app.close();
});

beforeEach(async () => {
  id = randomUUID();
  app.log.lines.length = 0;
  session = connect(`http://127.0.0.1:${app.port}`);
  session.on('error', () => undefined);
  await once(session, 'connect');
});

afterEach(() => {
  session.destroy();
});

describe('Over HTTP/2, a stream that is reset', () => {
  it.each<[string, object | undefined]>([
    ['promise', undefined],
    ['promise', { answer: '你好' }],
    ['observable', undefined],
    ['generator', undefined],
    ['quiet-generator', undefined],
    ['sse', undefined],
  ])('aborts the signal of its own request (%s, body %p), and the session lives on', async (kind, body) => {
    const visit = app.visit(id);
    const { disconnects } = app.stats;
    const { stream } = ask(`/signal/${kind}/${id}`, body);
    await visit.entered();
    expect(visit.signal!.aborted).toBe(false);
    stream.close(constants.NGHTTP2_CANCEL);
    expect(await visit.stopped()).toBeInstanceOf(ClientDisconnectedError);
    expect(visit.outcome).toBe(visit.signal!.reason);
    await roundTrip();
    expect(session.destroyed).toBe(false);
    expect(app.log.at('error')).toEqual([]);
    expect(app.stats.disconnects).toBe(disconnects + 1);
  });

  it('leaves the other streams of its session alone', async () => {
    const [gone, kept] = [app.visit(`${id}-1`), app.visit(`${id}-2`)];
    const [leaving, staying] = [ask(`/signal/promise/${gone.id}`), ask(`/ambient/promise/${kept.id}`)];
    await Promise.all([gone.entered(), kept.entered()]);
    leaving.stream.close(constants.NGHTTP2_CANCEL);
    await gone.stopped();
    await roundTrip();
    expect(kept.signal!.aborted).toBe(false);
    kept.gate.open();
    expect(await staying.answer).toEqual({ status: 200, body: JSON.stringify({ id: kept.id }) });
  });

  it('is seen by a handler that looks for the first time afterwards', async () => {
    const visit = app.visit(id);
    const { stream } = ask(`/late/${id}`);
    await visit.entered();
    stream.close(constants.NGHTTP2_CANCEL);
    await roundTrip();
    visit.gate.open();
    await visit.stopped();
    expect(visit.signal!.aborted).toBe(true);
  });
});

describe('Over HTTP/2, a session that dies', () => {
  it('aborts all its streams', async () => {
    const visits = [app.visit(`${id}-1`), app.visit(`${id}-2`)];
    for (const visit of visits) ask(`/signal/promise/${visit.id}`);
    await Promise.all(visits.map((visit) => visit.entered()));
    session.destroy();
    for (const visit of visits) expect(await visit.stopped()).toBeInstanceOf(ClientDisconnectedError);
  });
});

describe('Over HTTP/2, an answer', () => {
  it.each<[string, object | undefined]>([
    ['promise', undefined],
    ['promise', { answer: '你好' }],
    ['observable', undefined],
    ['generator', undefined],
    ['sse', undefined],
  ])('that is complete aborts nothing (%s, body %p), also when the session closes after it', async (kind, body) => {
    const visit = app.visit(id);
    const { answer } = ask(`/signal/${kind}/${id}`, body);
    await visit.entered();
    visit.gate.open();
    expect((await answer).status).toBe(body ? 201 : 200);
    session.close();
    await eventually(() => session.destroyed);
    expect(visit.outcome).toBe('completed');
    expect(visit.signal!.aborted).toBe(false);
  });

  it('that is complete does not look like a disconnect to work that looks for the first time afterwards', async () => {
    const visit = app.visit(id);
    expect(await ask(`/leftover/${id}`).answer).toMatchObject({ status: 200 });
    await roundTrip();
    visit.gate.open();
    await eventually(() => visit.signal !== undefined);
    expect(visit.signal!.aborted).toBe(false);
  });
});
