import { describe, expect, it, jest } from '@jest/globals';
import { CancelledError, ClientDisconnectedError } from './abort-reason.js';
import { AbortContext } from './abort.context.js';
import { AbortStats } from './abort.stats.js';
import { DisconnectTurns } from './disconnect-turns.js';
import { ShieldQueue } from './shield-queue.js';

const LONG = 60_000;

function held() {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  return { promise, open: () => resolve(undefined) };
}

const turns = async (): Promise<void> => {
  for (let i = 0; i < 20; i += 1) await Promise.resolve();
};

describe('patient shields', () => {
  it('wait until all of a crowd that has left have been told of', async () => {
    const disconnects = new DisconnectTurns();
    const queue = new ShieldQueue(disconnects);
    const order: string[] = [];
    for (let i = 0; i < 250; i += 1) disconnects.take(() => order.push('told'));
    const books = Array.from({ length: 20 }, () => queue.run(() => Promise.resolve(order.push('booked')), LONG, true));
    await Promise.all(books);
    expect(order).toEqual([...Array<string>(250).fill('told'), ...Array<string>(20).fill('booked')]);
  });

  it('run at once beside one client that leaves', async () => {
    const disconnects = new DisconnectTurns();
    let turns = 0;
    setImmediate(() => (turns += 1));
    disconnects.take(() => undefined);
    expect(await new ShieldQueue(disconnects).run(() => Promise.resolve('booked'), LONG, true)).toBe('booked');
    expect(turns).toBe(0);
  });

  it('of somebody who was cancelled do not wait for a crowd that has left', async () => {
    const disconnects = new DisconnectTurns();
    let told = 0;
    for (let i = 0; i < 250; i += 1) disconnects.take(() => (told += 1));
    await new ShieldQueue(disconnects).run(() => Promise.resolve(), LONG);
    expect(told).toBeLessThan(250);
  });

  it.each([
    ['whose client has left are of the crowd', new ClientDisconnectedError(), true],
    ['that somebody has cancelled are not', new CancelledError(), false],
  ])('of work %s', async (_, reason, waits) => {
    const disconnects = new DisconnectTurns();
    const context = new AbortContext({}, new AbortStats(), disconnects);
    let told = 0;
    for (let i = 0; i < 250; i += 1) disconnects.take(() => (told += 1));
    const booked = context.run(AbortSignal.abort(reason), ({ signal }) =>
      signal.aborted ? context.shield(() => told === 250, { isPatient: true }) : undefined,
    );
    expect(await booked).toBe(waits);
  });

  it('run a few at once, and the others in their order as those end', async () => {
    const queue = new ShieldQueue();
    const gates = Array.from({ length: 40 }, held);
    const begun: number[] = [];
    const all = gates.map(({ promise }, i) =>
      queue.run(async () => {
        begun.push(i);
        await promise;
      }, LONG),
    );
    await turns();
    expect(begun).toEqual(Array.from({ length: 16 }, (_, i) => i));
    gates[3]!.open();
    gates[7]!.open();
    await turns();
    expect(begun).toHaveLength(18);
    for (const { open } of gates) open();
    await Promise.all(all);
    expect(begun).toEqual(Array.from({ length: 40 }, (_, i) => i));
  });

  it('are not held up by one that fails', async () => {
    const queue = new ShieldQueue();
    const failing = Array.from({ length: 50 }, () => queue.run(() => Promise.reject(new Error('no')), LONG));
    const last = queue.run(() => Promise.resolve('done'), LONG);
    expect((await Promise.allSettled(failing)).every(({ status }) => status === 'rejected')).toBe(true);
    expect(await last).toBe('done');
  });

  it('run all the same when they have waited for long enough', async () => {
    jest.useFakeTimers();
    try {
      const queue = new ShieldQueue();
      const { promise, open } = held();
      const stuck = Array.from({ length: 16 }, () => queue.run(() => promise, LONG));
      const late = queue.run(() => Promise.resolve('late'), 1000);
      await jest.advanceTimersByTimeAsync(999);
      expect(jest.getTimerCount()).toBe(1);
      await jest.advanceTimersByTimeAsync(1);
      expect(await late).toBe('late');
      open();
      await Promise.all(stuck);
      expect(jest.getTimerCount()).toBe(0);
    } finally {
      jest.useRealTimers();
    }
  });

  it('have their time from when they are let, and not from when they asked', async () => {
    jest.useFakeTimers();
    try {
      const context = new AbortContext({ shieldTimeoutMs: 300 });
      const aborted: boolean[] = [];
      // Each takes 100 ms, and the last of them is let after 400.
      const work = async (): Promise<void> => {
        await new Promise((resolve) => setTimeout(resolve, 100));
        aborted.push(context.signal.aborted);
      };
      const all = context.detached('a test', () =>
        Promise.all(Array.from({ length: 80 }, () => context.shield(work, { isPatient: true }))),
      );
      await jest.advanceTimersByTimeAsync(500);
      await all;
      expect(aborted).toEqual(Array.from({ length: 80 }, () => false));
    } finally {
      jest.useRealTimers();
    }
  });
});
