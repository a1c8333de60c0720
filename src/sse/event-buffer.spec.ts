import { getEventListeners } from 'node:events';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { CancelledError, ClientDisconnectedError } from '../abort/index.js';
import { EventBuffer, IDLE } from './event-buffer.js';

interface Numbered {
  readonly n: number;
}

const { signal } = new AbortController();

describe('a buffer of events', () => {
  let buffer: EventBuffer<Numbered>;

  beforeEach(() => {
    jest.useFakeTimers();
    buffer = new EventBuffer(2);
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  /** Whether a promise has settled once everything that is ready has run. */
  async function isPending(work: Promise<unknown>): Promise<boolean> {
    let isSettled = false;
    void work.finally(() => (isSettled = true)).catch(() => undefined);
    await jest.advanceTimersByTimeAsync(0);
    return !isSettled;
  }

  it('gives events in their order, then the last, then nothing', async () => {
    await buffer.push({ n: 1 }, signal);
    buffer.end({ n: 2 });
    expect(await buffer.take(1)).toEqual({ n: 1 });
    expect(await buffer.take(1)).toEqual({ n: 2 });
    expect(await buffer.take(1)).toBeUndefined();
    expect(await buffer.take(1)).toBeUndefined();
  });

  it('hands an event to a reader that waits for it at once', async () => {
    const taken = buffer.take(1000);
    await buffer.push({ n: 1 }, signal);
    expect(await taken).toEqual({ n: 1 });
    expect(jest.getTimerCount()).toBe(0);
  });

  it('holds the work while it is full, and lets it go on with the first event taken', async () => {
    await buffer.push({ n: 1 }, signal);
    const second = buffer.push({ n: 2 }, signal);
    expect(await isPending(second)).toBe(true);
    await buffer.take(1);
    expect(await isPending(second)).toBe(false);
  });

  it('ends the waiting for room with the reason of the abort, and leaves no listener', async () => {
    const controller = new AbortController();
    await buffer.push({ n: 1 }, controller.signal);
    const second = buffer.push({ n: 2 }, controller.signal);
    const reason = new ClientDisconnectedError();
    controller.abort(reason);
    await expect(second).rejects.toBe(reason);
    await expect(buffer.push({ n: 3 }, controller.signal)).rejects.toBe(reason);
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
  });

  it('lets the work go on when its reader has left, and keeps nothing for it', async () => {
    await buffer.push({ n: 1 }, signal);
    const second = buffer.push({ n: 2 }, signal);
    buffer.leave();
    expect(await isPending(second)).toBe(false);
    for (let n = 3; n < 10; n += 1) await buffer.push({ n }, signal);
    buffer.end({ n: 10 });
    expect(await buffer.take(1)).toBeUndefined();
  });

  it('lets the abort that comes with the leaving come first', async () => {
    const controller = new AbortController();
    await buffer.push({ n: 1 }, controller.signal);
    const second = buffer.push({ n: 2 }, controller.signal);
    buffer.leave();
    const reason = new ClientDisconnectedError();
    for (let turn = 0; turn < 10; turn += 1) await Promise.resolve();
    controller.abort(reason);
    await expect(second).rejects.toBe(reason);
  });

  it('says when nothing has come for so long, as often as that is so', async () => {
    for (let beat = 0; beat < 3; beat += 1) {
      const taken = buffer.take(100);
      await jest.advanceTimersByTimeAsync(99);
      expect(await isPending(taken)).toBe(true);
      await jest.advanceTimersByTimeAsync(1);
      expect(await taken).toBe(IDLE);
    }
    expect(jest.getTimerCount()).toBe(0);
  });

  it('gives what was there before a failure, then the failure, once', async () => {
    const failure = new CancelledError();
    await buffer.push({ n: 1 }, signal);
    buffer.fail(failure);
    expect(await buffer.take(1)).toEqual({ n: 1 });
    await expect(buffer.take(1)).rejects.toBe(failure);
    expect(await buffer.take(1)).toBeUndefined();
  });

  it('tells a waiting reader of a failure, and of its own leaving, and leaves no timer', async () => {
    const first = buffer.take(1000);
    buffer.leave();
    expect(await first).toBeUndefined();
    const other = new EventBuffer<Numbered>();
    const second = other.take(1000);
    const failure = new CancelledError();
    other.fail(failure);
    await expect(second).rejects.toBe(failure);
    await jest.advanceTimersByTimeAsync(0);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('takes the first end for the end', async () => {
    buffer.end({ n: 1 });
    buffer.fail(new CancelledError());
    buffer.end({ n: 2 });
    await buffer.push({ n: 3 }, signal);
    expect(await buffer.take(1)).toEqual({ n: 1 });
    expect(await buffer.take(1)).toBeUndefined();
  });
});
