import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Res } from '@nestjs/common';
import { CancelledError, RequestSignal } from '../abort/index.js';
import { eventually } from '../testing/index.js';
import { AbortApp } from '../../test/support/abort-app.js';
import { get } from '../../test/support/abort-socket.js';
import { EventStream, sendEvents, SendsEvents, type EventReply, type IDLE, type ServerEvent, type ServerEvents } from './index.js';
import { z } from 'zod';

type Step = ServerEvent | { readonly failure: unknown };

/** Gives what it is told to give, when it is told to, and ends when it is told to or when its reader leaves. */
class Events implements ServerEvents {
  readonly #steps: (Step | undefined)[] = [];
  #wake = (): void => undefined;
  taken = 0;
  left = 0;

  give(...steps: (Step | undefined)[]): void {
    this.#steps.push(...steps);
    this.#wake();
  }

  async take(): Promise<ServerEvent | typeof IDLE | undefined> {
    while (this.#steps.length === 0 && this.left === 0) await new Promise<void>((resolve) => (this.#wake = resolve));
    this.taken += 1;
    const step = this.#steps.shift();
    if (step && 'failure' in step) throw step.failure;
    return step;
  }

  leave(): void {
    this.left += 1;
    this.#wake();
  }
}

let events: Events;
let handled: Promise<void> | undefined;
let replied: EventReply & { readonly sent?: boolean };

@Controller()
class Routes {
  @Get('events')
  @SendsEvents(z.object({}), 'what the test tells')
  async events(@RequestSignal() signal: AbortSignal, @Res() reply: EventReply): Promise<void> {
    replied = reply;
    handled = sendEvents(reply, new EventStream(events, { heartbeatMs: 60_000 }), signal);
    await handled;
  }

  /** As where disconnects do not abort. */
  @Get('unsignalled')
  @SendsEvents(z.object({}), 'what the test tells')
  async unsignalled(@Res() reply: EventReply): Promise<void> {
    handled = sendEvents(reply, new EventStream(events, { heartbeatMs: 60_000 }), new AbortController().signal);
    await handled;
  }
}

const ONE: ServerEvent = { id: '1-1', type: 'one', data: '{}' };
const TWO: ServerEvent = { id: '1-2', type: 'two', data: '{}' };
/** More than the sockets between here and a client that reads nothing can hold. */
const LARGE: ServerEvent = { type: 'large', data: JSON.stringify('x'.repeat(1_000_000)) };
const LARGE_EVENTS = 40;

let app: AbortApp;

beforeAll(async () => {
  app = await AbortApp.start({ controllers: [Routes] });
});

afterAll(async () => {
  await app.close();
});

beforeEach(() => {
  events = new Events();
  handled = undefined;
  app.log.lines.length = 0;
});

async function follow(path = '/events') {
  const client = await app.client();
  client.send(get(path));
  await eventually(() => handled !== undefined);
  return client;
}

/** Of a client that reads nothing, more than there is room for. */
async function followUnread(path?: string) {
  const client = await follow(path);
  app.connectionOf(client).cork();
  events.give(...Array<Step>(LARGE_EVENTS).fill(LARGE), undefined);
  await eventually(() => events.taken > 0);
  return client;
}

describe('Events that are sent', () => {
  it('go out as they come, behind the headers of the route, to the end of both', async () => {
    const client = await follow();
    events.give(ONE);
    await client.until('event: one');
    expect(client.received).not.toContain('two');
    // Nobody else answers from here on.
    expect(replied.sent).toBe(true);
    events.give(TWO, undefined);
    await client.answers(1);
    expect(client.received).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(client.received).toMatch(/content-type: text\/event-stream\r\n/i);
    expect(client.received).toMatch(/cache-control: no-cache, no-transform\r\n/i);
    expect(client.received).toMatch(/id: 1-1\nevent: one\ndata: {}\n\n\r\n.*id: 1-2\nevent: two\ndata: {}\n\n\r\n0\r\n\r\n$/s);
    await handled;
    expect(events.left).toBeGreaterThan(0);
  });

  it('leave the connection to whatever the client asks next', async () => {
    const client = await follow();
    events.give(ONE, undefined);
    await client.answers(1);
    events = new Events();
    events.give(TWO, undefined);
    client.send(get('/events'));
    await client.answers(2);
    expect(client.received).toContain('event: two');
  });

  it('are asked for no faster than the client reads', async () => {
    const client = await followUnread();
    expect(events.taken).toBeLessThan(LARGE_EVENTS);
    app.connectionOf(client).uncork();
    await client.answers(1);
    expect(events.taken).toBe(LARGE_EVENTS + 1);
  });

  it('are none of what fails before the first of them: a filter answers', async () => {
    const client = await follow();
    events.give({ failure: new CancelledError('user', { reason: 'wrong chapter' }) });
    await client.answers(1);
    expect(client.received).toMatch(/^HTTP\/1.1 409 /);
    expect(client.received).toContain('wrong chapter');
    expect(events.left).toBeGreaterThan(0);
  });

  it('break off where their source fails later, which is logged', async () => {
    const client = await follow();
    const failure = new Error('the database is gone');
    events.give(ONE);
    await client.until('event: one');
    events.give({ failure });
    await eventually(() => client.isClosed);
    expect(client.received).not.toMatch(/0\r\n\r\n$/);
    await expect(handled).resolves.toBeUndefined();
    expect(app.log.at('error')).toEqual(['[Events] A stream broke off']);
    expect(events.left).toBeGreaterThan(0);
  });

  it('are not asked for where only the headers are', async () => {
    const client = await app.client();
    client.send(get('/events').replace('GET', 'HEAD'));
    await client.until('\r\n\r\n');
    expect(client.received).toMatch(/^HTTP\/1.1 200 OK\r\n.*content-type: text\/event-stream/is);
    await handled;
    expect(events.taken).toBe(0);
    expect(events.left).toBeGreaterThan(0);
  });
});

describe('A client that leaves', () => {
  it('is heard of by the source at once, and by nobody as an error', async () => {
    const client = await follow();
    events.give(ONE);
    await client.until('event: one');
    client.hangUp();
    await handled;
    expect(events.left).toBeGreaterThan(0);
    expect(app.log.at('error')).toEqual([]);
    expect(app.log.at('warn')).toEqual([]);
  });

  it('is waited for no longer by what it has not read', async () => {
    const client = await followUnread();
    client.reset();
    await handled;
    expect(events.taken).toBeLessThan(LARGE_EVENTS);
    expect(app.log.at('error')).toEqual([]);
  });

  it('ends what has not begun to come', async () => {
    const client = await follow();
    client.hangUp();
    await expect(handled).rejects.toMatchObject({ abortCause: 'client_disconnect' });
    expect(events.left).toBeGreaterThan(0);
    expect(app.log.at('error')).toEqual([]);
  });

  it('is found out at the next event where no signal tells of it', async () => {
    const client = await follow('/unsignalled');
    events.give(ONE);
    await client.until('event: one');
    client.hangUp();
    await app.hasSeenGo(client);
    events.give(TWO);
    await handled;
    expect(events.left).toBeGreaterThan(0);
  });

  it('is waited for no longer where no signal tells of it either', async () => {
    const client = await followUnread('/unsignalled');
    client.reset();
    await handled;
    expect(events.taken).toBeLessThan(LARGE_EVENTS);
  });
});
