import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { loadConfig } from '../config/index.js';
import type { DomainError } from '../problems/index.js';
import { UpstreamClock } from './upstream-clock.js';

const { llm } = loadConfig({ LLM_IDLE_TIMEOUT_MS: '100', LLM_TIMEOUT_MS: '1000' });

/** With the look at the sockets that follows upon timers. */
async function pass(ms: number): Promise<void> {
  jest.advanceTimersByTime(ms);
  await setImmediate();
}

describe('the clock of a call', () => {
  let expired: DomainError[];
  let clock: UpstreamClock;

  beforeEach(() => {
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'clearImmediate'] });
    expired = [];
    clock = new UpstreamClock(llm, (reason) => expired.push(reason));
  });
  afterEach(() => {
    clock.stop();
    jest.useRealTimers();
  });

  it('ends a call that says nothing, from the very start', async () => {
    await pass(99);
    expect(expired).toEqual([]);
    await pass(1);
    expect(expired).toEqual([
      expect.objectContaining({ code: 'upstream_timeout', message: 'The language model said nothing for 100 ms.' }),
    ]);
  });

  it('does not count the time that a reader takes over a piece', async () => {
    clock.hold();
    await pass(500);
    expect(expired).toEqual([]);
    clock.tick();
    await pass(99);
    expect(expired).toEqual([]);
    await pass(1);
    expect(expired).toHaveLength(1);
  });

  it('begins the silence anew with every piece', async () => {
    for (let piece = 0; piece < 5; piece += 1) {
      await pass(99);
      clock.hold();
      clock.tick();
    }
    expect(expired).toEqual([]);
    await pass(100);
    expect(expired).toHaveLength(1);
  });

  it('ends a call that goes on for ever, however much it says', async () => {
    for (let ms = 0; ms < 1000; ms += 50) {
      expect(expired).toEqual([]);
      await pass(50);
      clock.tick();
    }
    expect(expired).toEqual([
      expect.objectContaining({ code: 'upstream_timeout', message: 'The language model was not done for 1000 ms.' }),
    ]);
  });

  it('is silent once stopped, and leaves no timer', async () => {
    clock.stop();
    expect(jest.getTimerCount()).toBe(0);
    await pass(10_000);
    expect(expired).toEqual([]);
  });
});

it('a clock reads what has come before it calls that silence: in a process that stood still, timers come before sockets', async () => {
  const expired: DomainError[] = [];
  const server = createServer((socket) => void socket.resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const provider = once(server, 'connection') as Promise<[Socket]>;
  const reader = connect((server.address() as AddressInfo).port, '127.0.0.1');
  const [[writer]] = await Promise.all([provider, once(reader, 'connect')]);
  const clock = new UpstreamClock(llm, (reason) => expired.push(reason));
  try {
    const heard = once(
      reader.on('data', () => clock.hold()),
      'data',
    );
    writer.write('a piece');
    for (const stoodSince = performance.now(); performance.now() - stoodSince < 2 * llm.idleTimeoutMs;);
    await heard;
    await setImmediate();
    expect(expired).toEqual([]);
  } finally {
    clock.stop();
    reader.destroy();
    writer.destroy();
    server.close();
  }
});
