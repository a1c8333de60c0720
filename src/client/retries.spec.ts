import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { abortListenersOf } from '../testing/index.js';
import { ConnectionLostError, HangupError } from './errors.js';
import { backoffMs, pause, Retries } from './retries.js';

const LOST = new ConnectionLostError('lost');
const busy = (seconds: number, code = 'draining') => new HangupError(code, 'busy', { status: 503, retryAfterSeconds: seconds });

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** What `after` comes to, with the time that it took. */
async function waited(work: Promise<void>): Promise<{ readonly ms: number; readonly error: unknown }> {
  const from = performance.now();
  const settled = work.then(
    () => undefined,
    (error: unknown) => error,
  );
  await jest.runAllTimersAsync();
  return { ms: performance.now() - from, error: await settled };
}

describe('the pauses between tries', () => {
  it('grow up to a limit, and are never the same for all', () => {
    for (let tries = 0; tries < 12; tries += 1) {
      const full = Math.min(3000, 100 * 2 ** tries);
      const pauses = Array.from({ length: 50 }, () => backoffMs(tries));
      expect(Math.min(...pauses)).toBeGreaterThanOrEqual(full / 2);
      expect(Math.max(...pauses)).toBeLessThanOrEqual(full);
      expect(new Set(pauses).size).toBeGreaterThan(10);
    }
  });

  it('end with the signal, and leave neither timer nor listener', async () => {
    const page = new AbortController();
    const long = pause(60_000, page.signal);
    page.abort();
    expect(await long).toBe(true);
    const late = pause(60_000, page.signal);
    await jest.advanceTimersByTimeAsync(0);
    expect(await late).toBe(true);
    expect([jest.getTimerCount(), abortListenersOf(page.signal)]).toEqual([0, []]);
  });
});

describe('a call that is made again', () => {
  const { signal } = new AbortController();

  it('is given up when nobody was reached for the whole window, and not before', async () => {
    const retries = new Retries({ windowMs: 5000, signal });
    const from = performance.now();
    let error: unknown;
    while (error === undefined) ({ error } = await waited(retries.after(LOST, 0)));
    expect([error, performance.now() - from]).toEqual([LOST, 5000]);
  });

  it('has the whole window again once there was contact, or once it had been connected for longer than that', async () => {
    const retries = new Retries({ windowMs: 50, signal });
    for (let i = 0; i < 20; i += 1) {
      expect((await waited(retries.after(LOST, 0))).error).toBeUndefined();
      retries.contact();
    }
    for (let i = 0; i < 20; i += 1) expect((await waited(retries.after(LOST, 51))).error).toBeUndefined();
  });

  it('waits for as long as a busy server asks for, but neither for ever nor too often', async () => {
    const retries = new Retries({ windowMs: 5000, signal });
    for (let i = 0; i < 5; i += 1) expect(await waited(retries.after(busy(2), 0))).toEqual({ ms: 2000, error: undefined });
    expect((await waited(retries.after(busy(2), 0))).error).toMatchObject({ code: 'draining' });
    expect((await waited(new Retries({ windowMs: 5000, signal }).after(busy(61), 0))).error).toMatchObject({ code: 'draining' });
  });

  it('is not made again where that makes no sense', async () => {
    const refused = new HangupError('chapter_empty', 'no', { status: 422 });
    const retries = new Retries({ windowMs: 5000, signal, isAskedAgain: ({ code }) => code !== 'owner_lost' });
    for (const failure of [refused, new TypeError('a bug'), busy(1, 'owner_lost')]) {
      expect((await waited(retries.after(failure, 0))).error).toBe(failure);
    }
    const aborted = new Retries({ windowMs: 5000, signal: AbortSignal.abort() });
    expect((await waited(aborted.after(LOST, 0))).error).toBe(LOST);
  });
});
