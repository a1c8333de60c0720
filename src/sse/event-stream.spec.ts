import { describe, expect, it } from '@jest/globals';
import { CancelledError } from '../abort/index.js';
import { EventBuffer } from './event-buffer.js';
import { EventStream, type ServerEvent } from './event-stream.js';

const { signal } = new AbortController();
const LONG = 60_000;

interface Opened {
  readonly buffer: EventBuffer<ServerEvent>;
  readonly stream: EventStream<ServerEvent>;
}

function open(heartbeatMs = LONG, end?: ServerEvent): Opened {
  const buffer = new EventBuffer<ServerEvent>();
  const stream = new EventStream(buffer, { heartbeatMs, endOf: () => Promise.resolve(end) });
  return { buffer, stream };
}

async function all(stream: AsyncIterable<string>): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}

describe('an event stream', () => {
  it('writes events as they go over the wire, line breaks and all', async () => {
    const { buffer, stream } = open();
    await buffer.push({ type: 'text-delta', data: { text: 'two\nlines\r\n\u2028 and “quotes”' } }, signal);
    buffer.end({ type: 'task-end', data: {} });
    expect(await all(stream)).toEqual([
      'event: text-delta\ndata: {"text":"two\\nlines\\r\\n\u2028 and “quotes”"}\n\n',
      'event: task-end\ndata: {}\n\n',
    ]);
  });

  it('says something whenever nothing was said for so long', async () => {
    const { buffer, stream } = open(10);
    expect(await stream.next()).toEqual({ done: false, value: ': \n\n' });
    expect(await stream.next()).toEqual({ done: false, value: ': \n\n' });
    buffer.end({ type: 'x', data: {} });
    expect(await all(stream)).toEqual(['event: x\ndata: {}\n\n']);
  });

  it('throws what fails before anything has gone out', async () => {
    const { buffer, stream } = open(LONG, { type: 'task-end', data: {} });
    const failure = new CancelledError();
    buffer.fail(failure);
    await expect(stream.next()).rejects.toBe(failure);
  });

  it.each([
    ['an event', LONG],
    ['a heartbeat', 10],
  ])('ends with an event that says so what fails after %s', async (_, heartbeatMs) => {
    const { buffer, stream } = open(heartbeatMs, { type: 'task-end', data: { state: 'failed' } });
    if (heartbeatMs === LONG) await buffer.push({ type: 'task-start', data: {} }, signal);
    await stream.next();
    buffer.fail(new Error('too late for a status'));
    expect(await all(stream)).toEqual(['event: task-end\ndata: {"state":"failed"}\n\n']);
  });

  it('just ends where nobody is there to be told', async () => {
    const { buffer, stream } = open();
    await buffer.push({ type: 'task-start', data: {} }, signal);
    await stream.next();
    buffer.fail(new Error('nobody listens'));
    expect(await all(stream)).toEqual([]);
  });

  it('lets the work go on when it is let go of before its first event was asked for', async () => {
    const { buffer, stream } = open();
    await stream.return();
    for (let n = 0; n < 100; n += 1) await buffer.push({ type: 'text-delta', data: { n } }, signal);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });
});
