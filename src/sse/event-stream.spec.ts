import { describe, expect, it } from '@jest/globals';
import { CancelledError } from '../abort/index.js';
import { EventStream, IDLE, type ServerEvent, type ServerEvents } from './event-stream.js';

type Step = ServerEvent | typeof IDLE | { readonly failure: unknown };

/** Gives what it was made of, step by step, and then nothing. */
class ScriptedEvents implements ServerEvents {
  readonly #steps: Step[];
  hasLeft = false;
  withinMs = 0;

  constructor(steps: readonly Step[]) {
    this.#steps = [...steps];
  }

  async take(withinMs: number): Promise<ServerEvent | typeof IDLE | undefined> {
    this.withinMs = withinMs;
    const step = await Promise.resolve(this.hasLeft ? undefined : this.#steps.shift());
    if (typeof step === 'object' && 'failure' in step) throw step.failure;
    return step;
  }

  leave(): void {
    this.hasLeft = true;
  }
}

const END: ServerEvent = { type: 'task-end', data: '{"state":"failed"}' };

function open(steps: readonly Step[], end?: ServerEvent) {
  const events = new ScriptedEvents(steps);
  return { events, stream: new EventStream(events, { heartbeatMs: 15_000, endOf: () => end }) };
}

async function all(stream: AsyncIterable<string>): Promise<string[]> {
  const pieces: string[] = [];
  for await (const piece of stream) pieces.push(piece);
  return pieces;
}

describe('an event stream', () => {
  it('writes events as they go over the wire, with their ids where they have some', async () => {
    const { stream } = open([
      { id: '1-7', type: 'text-delta', data: '{"text":"two\\nlines"}' },
      { type: 'task-end', data: '{}' },
    ]);
    expect(await all(stream)).toEqual(['id: 1-7\nevent: text-delta\ndata: {"text":"two\\nlines"}\n\n', 'event: task-end\ndata: {}\n\n']);
  });

  it('says something whenever nothing was said for so long', async () => {
    const { events, stream } = open([IDLE, IDLE, { type: 'x', data: '{}' }]);
    expect(await all(stream)).toEqual([': \n\n', ': \n\n', 'event: x\ndata: {}\n\n']);
    expect(events.withinMs).toBe(15_000);
  });

  it('throws what fails before anything has gone out, and reads no more', async () => {
    const failure = new CancelledError();
    const { events, stream } = open([{ failure }], END);
    await expect(stream.next()).rejects.toBe(failure);
    expect(events.hasLeft).toBe(true);
  });

  it.each<[string, Step]>([
    ['an event', { type: 'task-start', data: '{}' }],
    ['a heartbeat', IDLE],
  ])('ends with an event that says so what fails after %s', async (_, first) => {
    const { stream } = open([first, { failure: new Error('too late for a status') }], END);
    await stream.next();
    expect(await all(stream)).toEqual(['event: task-end\ndata: {"state":"failed"}\n\n']);
  });

  it('just ends where nobody is there to be told', async () => {
    const { stream } = open([IDLE, { failure: new Error('nobody listens') }]);
    await stream.next();
    expect(await all(stream)).toEqual([]);
  });

  it('breaks off where nothing says how such a stream ends', async () => {
    const failure = new Error('the database is gone');
    const stream = new EventStream(new ScriptedEvents([IDLE, { failure }]), { heartbeatMs: 1 });
    await stream.next();
    await expect(stream.next()).rejects.toBe(failure);
  });

  it('lets go of what it reads when it is let go of, also before its first event was asked for', async () => {
    const { events, stream } = open([END]);
    await stream.return();
    expect(events.hasLeft).toBe(true);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });
});
