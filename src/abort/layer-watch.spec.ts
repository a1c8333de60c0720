import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { expectNoAbortListeners } from '../testing/index.js';
import { ClientDisconnectedError } from './index.js';
import { LayerWatch } from './layer-watch.js';

const ZOMBIE_AFTER_MS = 5000;
const reason = new ClientDisconnectedError();

interface Zombie {
  layer: string;
  operation: string;
  stage: string | undefined;
}

function watching(controller = new AbortController()) {
  const named: Zombie[] = [];
  const watch = new LayerWatch(controller.signal, { zombieAfterMs: ZOMBIE_AFTER_MS, onZombie: (zombie) => named.push(zombie) });
  const track = <T>(layer: string, work: PromiseLike<T>, stage = 'generate_quiz'): Promise<T> =>
    watch.track(layer, 'call', stage, work, () => controller.signal.reason);
  return { controller, watch, named, track };
}

/** A promise that only the test settles, and what became of `track` on it. */
function work() {
  return Promise.withResolvers<string>();
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  await jest.advanceTimersByTimeAsync(0);
  return (await Promise.race([promise.catch(() => undefined), Promise.resolve(pending)])) === pending;
}

beforeEach(() => {
  jest.useFakeTimers();
  jest.spyOn(performance, 'now').mockImplementation(() => Date.now());
});

afterEach(() => {
  jest.restoreAllMocks();
  jest.useRealTimers();
});

describe('A layer watch without an abort', () => {
  it('hands on what the work resolves to, and what it fails with', async () => {
    const { track, watch } = watching();
    const failure = new Error('duplicate key');
    await expect(track('database', Promise.resolve('rows'))).resolves.toBe('rows');
    await expect(track('database', Promise.reject(failure))).rejects.toBe(failure);
    expect(watch.reports()).toEqual([]);
    expect(watch.stoppedMs).toBeNull();
  });

  it('runs no clock, and has settled when the last of its layers has ended', async () => {
    const { track, watch } = watching();
    const [first, second] = [work(), work()];
    void track('llm', first.promise);
    void track('database', second.promise);
    const settled = watch.settled();
    first.resolve('done');
    expect(await isPending(settled)).toBe(true);
    second.resolve('done');
    await expect(settled).resolves.toBeUndefined();
    expect(jest.getTimerCount()).toBe(0);
  });

  it('has settled from the start when nothing runs', async () => {
    await expect(watching().watch.settled()).resolves.toBeUndefined();
  });
});

describe('A layer watch after an abort', () => {
  it('says of each layer when it was told and when it had really stopped, counted from the abort', async () => {
    const { controller, track, watch } = watching();
    const [llm, database] = [work(), work()];
    const outcomes = Promise.allSettled([track('llm', llm.promise), track('database', database.promise, 'retrieve_content')]);
    await jest.advanceTimersByTimeAsync(700);
    controller.abort(reason);
    await jest.advanceTimersByTimeAsync(3);
    database.reject(reason);
    await jest.advanceTimersByTimeAsync(40);
    expect(watch.stoppedMs).toBeNull();
    llm.resolve('half an answer');
    await outcomes;
    expect(watch.reports()).toEqual([
      { layer: 'llm', operation: 'call', stage: 'generate_quiz', toldMs: 0, stoppedMs: 43 },
      { layer: 'database', operation: 'call', stage: 'retrieve_content', toldMs: 0, stoppedMs: 3 },
    ]);
    expect(watch.stoppedMs).toBe(43);
  });

  it('leaves out what had ended before', async () => {
    const { controller, track, watch } = watching();
    await track('database', Promise.resolve('rows'));
    controller.abort(reason);
    expect(watch.reports()).toEqual([]);
    expect(watch.stoppedMs).toBe(0);
  });

  it('holds the caller until the work has stopped, instead of racing it', async () => {
    const { controller, track } = watching();
    const llm = work();
    const tracked = track('llm', llm.promise);
    controller.abort(reason);
    expect(await isPending(tracked)).toBe(true);
    const failure = new Error('socket closed');
    llm.reject(failure);
    await expect(tracked).rejects.toBe(failure);
  });

  it('settles when all have stopped, and not when the first has', async () => {
    const { controller, track, watch } = watching();
    const [llm, database] = [work(), work()];
    void track('llm', llm.promise);
    void track('database', database.promise);
    controller.abort(reason);
    const settled = [watch.settled(), watch.settled()];
    llm.resolve('done');
    expect(await isPending(settled[0]!)).toBe(true);
    database.resolve('done');
    await expect(Promise.all(settled)).resolves.toEqual([undefined, undefined]);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('tells work that begins later at once', async () => {
    const { controller, track, watch } = watching();
    await track('database', Promise.resolve('rows'));
    controller.abort(reason);
    await jest.advanceTimersByTimeAsync(100);
    await track('books', Promise.resolve('written'));
    expect(watch.reports()).toMatchObject([{ layer: 'books', toldMs: 100, stoppedMs: 100 }]);
  });

  it('counts from its own start when the signal had aborted before that', async () => {
    const { track, watch } = watching({ signal: AbortSignal.abort(reason) } as AbortController);
    const llm = work();
    const tracked = track('llm', llm.promise);
    await jest.advanceTimersByTimeAsync(20);
    llm.resolve('done');
    await tracked;
    expect(watch.reports()).toMatchObject([{ toldMs: 0, stoppedMs: 20 }]);
  });

  it('leaves no listener on the signal', () => {
    const { controller } = watching();
    controller.abort(reason);
    expectNoAbortListeners(controller.signal);
  });
});

describe('A layer that ignores its signal', () => {
  it('is named once and no sooner than the limit, and its caller is let go with the reason', async () => {
    const { controller, track, watch, named } = watching();
    const tracked = track('llm', work().promise);
    controller.abort(reason);
    await jest.advanceTimersByTimeAsync(ZOMBIE_AFTER_MS - 1);
    expect(named).toEqual([]);
    expect(await isPending(tracked)).toBe(true);
    jest.advanceTimersByTime(1);
    await expect(tracked).rejects.toBe(reason);
    await watch.settled();
    await jest.advanceTimersByTimeAsync(10 * ZOMBIE_AFTER_MS);
    expect(named).toEqual([{ layer: 'llm', operation: 'call', stage: 'generate_quiz' }]);
    expect(watch.zombies).toEqual(['llm:call']);
    expect(watch.stoppedMs).toBeNull();
    expect(watch.reports()).toMatchObject([{ layer: 'llm', stoppedMs: null }]);
  });

  it('does not drag those along that stop in time', async () => {
    const { controller, track, watch, named } = watching();
    const database = work();
    const tracked = [track('llm', work().promise), track('database', database.promise)];
    const outcomes = Promise.allSettled(tracked);
    controller.abort(reason);
    await jest.advanceTimersByTimeAsync(10);
    database.resolve('rows');
    await jest.advanceTimersByTimeAsync(ZOMBIE_AFTER_MS);
    expect(await outcomes).toMatchObject([{ status: 'rejected', reason }, { value: 'rows' }]);
    expect(named.map(({ layer }) => layer)).toEqual(['llm']);
    expect(watch.reports()).toMatchObject([{ stoppedMs: null }, { layer: 'database', stoppedMs: 10 }]);
  });

  it('holds `settled` no longer than until it is named', async () => {
    const { controller, track, watch } = watching();
    track('llm', work().promise).catch(() => undefined);
    controller.abort(reason);
    const settled = watch.settled();
    await jest.advanceTimersByTimeAsync(ZOMBIE_AFTER_MS - 1);
    expect(await isPending(settled)).toBe(true);
    jest.advanceTimersByTime(1);
    await expect(settled).resolves.toBeUndefined();
  });

  it('has its whole time also when it begins long after the abort', async () => {
    const { controller, track, named } = watching();
    track('llm', work().promise).catch(() => undefined);
    controller.abort(reason);
    await jest.advanceTimersByTimeAsync(ZOMBIE_AFTER_MS - 1);
    const late = work();
    const tracked = track('books', late.promise);
    await jest.advanceTimersByTimeAsync(ZOMBIE_AFTER_MS - 1);
    expect(named.map(({ layer }) => layer)).toEqual(['llm']);
    late.resolve('written');
    await expect(tracked).resolves.toBe('written');
    expect(jest.getTimerCount()).toBe(0);
  });

  it.each([
    ['fails', (late: PromiseWithResolvers<string>) => late.reject(new Error('far too late'))],
    ['succeeds', (late: PromiseWithResolvers<string>) => late.resolve('far too late')],
  ])('changes nothing any more when it %s in the end, and leaves no unhandled rejection', async (_, end) => {
    const { controller, track, watch, named } = watching();
    const late = work();
    const tracked = track('llm', late.promise);
    controller.abort(reason);
    jest.advanceTimersByTime(ZOMBIE_AFTER_MS);
    await expect(tracked).rejects.toBe(reason);
    const final = { reports: watch.reports(), stoppedMs: watch.stoppedMs, zombies: watch.zombies };
    end(late);
    await jest.advanceTimersByTimeAsync(1000);
    // Jest fails the test of an unhandled rejection that comes up before it ends.
    jest.useRealTimers();
    await new Promise((resolve) => setImmediate(resolve));
    expect({ reports: watch.reports(), stoppedMs: watch.stoppedMs, zombies: watch.zombies }).toEqual(final);
    expect(named).toHaveLength(1);
  });

  it('does not keep the process alive', () => {
    const timers = jest.spyOn(globalThis, 'setTimeout');
    const { controller, track } = watching();
    void track('llm', work().promise);
    controller.abort(reason);
    expect(timers.mock.results.map(({ value }) => (value as NodeJS.Timeout).hasRef())).toEqual([false]);
  });
});
