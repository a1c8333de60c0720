import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { abortListenersOf } from '../testing/index.js';
import { CancelledError, ClientDisconnectedError, DeadlineExceededError, deriveSignal, DrainingError, wait } from './index.js';

const reason = new ClientDisconnectedError();

function listenersOf(...signals: AbortSignal[]): number {
  return signals.reduce((sum, signal) => sum + abortListenersOf(signal).length, 0);
}

beforeEach(() => {
  jest.useFakeTimers();
});

afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});

describe('A derived signal', () => {
  it('aborts with its parent, carrying the very same reason', () => {
    const parent = new AbortController();
    using derived = deriveSignal([parent.signal]);
    expect(derived.signal.aborted).toBe(false);
    parent.abort(reason);
    expect(derived.signal.reason).toBe(reason);
    expect(listenersOf(parent.signal)).toBe(0);
  });

  it.each([
    ['none where it was asked for none', true, false],
    ['their own otherwise', false, true],
  ])('gives errors that its listeners make while it aborts %s, and every other error one', (_, isStackless, hasStack) => {
    const parent = new AbortController();
    using derived = deriveSignal([parent.signal], { isStackless });
    const made: Error[] = [];
    derived.signal.addEventListener('abort', () => made.push(new Error('cut')));
    parent.abort(reason);
    made.push(new Error('afterwards'));
    expect(made.map(({ stack }) => stack?.includes('\n    at '))).toEqual([hasStack, true]);
  });

  it('aborts after its parent when it is let, and lets go of it at once', () => {
    const parent = new AbortController();
    const waiting: (() => void)[] = [];
    using derived = deriveSignal([parent.signal], { timeoutMs: 1000, unwind: (abort) => waiting.push(abort) });
    parent.abort(reason);
    expect([derived.signal.aborted, listenersOf(parent.signal), jest.getTimerCount()]).toEqual([false, 0, 0]);
    for (const abort of waiting) abort();
    expect(derived.signal.reason).toBe(reason);
  });

  it('does not abort any more where it is disposed of before it is let', () => {
    const parent = new AbortController();
    const waiting: (() => void)[] = [];
    const derived = deriveSignal([parent.signal], { unwind: (abort) => waiting.push(abort) });
    parent.abort(reason);
    derived[Symbol.dispose]();
    expect(waiting).toHaveLength(1);
    for (const abort of waiting) abort();
    expect(derived.signal.aborted).toBe(false);
  });

  it('takes the reason of the parent that aborted first, and lets go of both', () => {
    const [client, server] = [new AbortController(), new AbortController()];
    using derived = deriveSignal([client.signal, server.signal]);
    server.abort(new DrainingError());
    client.abort(reason);
    expect(derived.signal.reason).toBe(server.signal.reason);
    expect(listenersOf(client.signal, server.signal)).toBe(0);
  });

  it('is aborted from the start under a parent that already was, and then runs no clock and listens to nobody', () => {
    const live = new AbortController();
    using derived = deriveSignal([live.signal, AbortSignal.abort(reason)], { timeoutMs: 10 });
    expect(derived.signal.reason).toBe(reason);
    expect(listenersOf(live.signal)).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('aborts at its own deadline, to the millisecond, and lets go of its parents', () => {
    const parent = new AbortController();
    using derived = deriveSignal([parent.signal], { timeoutMs: 250 });
    jest.advanceTimersByTime(249);
    expect(derived.signal.aborted).toBe(false);
    jest.advanceTimersByTime(1);
    expect(derived.signal.reason).toBeInstanceOf(DeadlineExceededError);
    expect(derived.signal.reason).toMatchObject({ timeoutMs: 250 });
    expect(listenersOf(parent.signal)).toBe(0);
  });

  it('stops its clock when a parent aborts, so that the deadline does not follow', () => {
    const parent = new AbortController();
    using derived = deriveSignal([parent.signal], { timeoutMs: 250 });
    parent.abort(reason);
    expect(jest.getTimerCount()).toBe(0);
    jest.advanceTimersByTime(1000);
    expect(derived.signal.reason).toBe(reason);
  });

  it('follows nobody and no clock any more once it was disposed of', () => {
    const parent = new AbortController();
    const derived = deriveSignal([parent.signal], { timeoutMs: 250 });
    derived[Symbol.dispose]();
    derived[Symbol.dispose]();
    expect(listenersOf(parent.signal)).toBe(0);
    expect(jest.getTimerCount()).toBe(0);
    jest.advanceTimersByTime(1000);
    parent.abort(reason);
    expect(derived.signal.aborted).toBe(false);
  });

  it('is released by `using`, also when the block throws', () => {
    const parent = new AbortController();
    expect(() => {
      using derived = deriveSignal([parent.signal], { timeoutMs: 250 });
      expect(listenersOf(parent.signal)).toBe(1);
      derived.signal.throwIfAborted();
      throw new Error('the work failed');
    }).toThrow('the work failed');
    expect(listenersOf(parent.signal)).toBe(0);
  });

  it('can be aborted by its owner without touching its parents, and keeps the first reason', () => {
    const parent = new AbortController();
    using derived = deriveSignal([parent.signal]);
    const own = new CancelledError('budget');
    derived.abort(own);
    parent.abort(reason);
    expect(derived.signal.reason).toBe(own);
    expect(parent.signal.reason).toBe(reason);
  });

  it('may have no parent at all', () => {
    using derived = deriveSignal([]);
    expect(derived.signal.aborted).toBe(false);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('does not mistake a deadline too long for a timer for one that has passed', () => {
    using derived = deriveSignal([], { timeoutMs: 60 * 24 * 3600 * 1000 });
    using endless = deriveSignal([], { timeoutMs: Infinity });
    jest.advanceTimersByTime(24 * 3600 * 1000);
    expect([derived.signal.aborted, endless.signal.aborted]).toEqual([false, false]);
  });

  it('leaves nothing on a parent that outlives 10,000 of them', () => {
    const root = new AbortController();
    for (let round = 0; round < 10_000; round++) deriveSignal([root.signal], { timeoutMs: 1000 })[Symbol.dispose]();
    expect(listenersOf(root.signal)).toBe(0);
  });
});

describe('wait', () => {
  it('resolves after its time, and leaves no listener', async () => {
    const { signal } = new AbortController();
    let isOver = false;
    const waiting = wait(1000, signal).then(() => (isOver = true));
    await jest.advanceTimersByTimeAsync(999);
    expect(isOver).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    await waiting;
    expect(listenersOf(signal)).toBe(0);
  });

  it('ends at once when the signal aborts, with its own reason, and leaves neither timer nor listener', async () => {
    const controller = new AbortController();
    const waiting = wait(1000, controller.signal);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    expect(jest.getTimerCount()).toBe(0);
    expect(listenersOf(controller.signal)).toBe(0);
  });

  it('does not begin under a signal that has aborted', async () => {
    await expect(wait(1000, AbortSignal.abort(reason))).rejects.toBe(reason);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('stays over when the abort comes after it', async () => {
    const controller = new AbortController();
    const waiting = wait(1000, controller.signal);
    jest.advanceTimersByTime(1000);
    controller.abort(reason);
    await expect(waiting).resolves.toBeUndefined();
  });

  it('does not mistake a time too long for a timer for none', async () => {
    const controller = new AbortController();
    const waiting = wait(60 * 24 * 3600 * 1000, controller.signal);
    await jest.advanceTimersByTimeAsync(24 * 3600 * 1000);
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });
});
