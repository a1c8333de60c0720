import { describe, expect, it } from '@jest/globals';
import { Gate } from '../testing/index.js';
import { SupersededError } from './errors.js';
import { LatestCalls } from './latest.js';

describe('the latest of several calls', () => {
  it('is the only one that is delivered, also where the one before answers later and heeds no signal', async () => {
    const latest = new LatestCalls().of('page');
    const [slow, order]: [Gate, string[]] = [new Gate(), []];
    const first = latest(async () => {
      await slow.wait();
      return 'first';
    });
    const told = first.then(
      (value) => order.push(value),
      (error: unknown) => order.push((error as Error).constructor.name),
    );
    order.push(await latest(() => Promise.resolve('second')));
    slow.open();
    await told;
    expect(order.sort()).toEqual(['SupersededError', 'second']);
  });

  it('aborts the one before with the error that its promise rejects with', async () => {
    const calls = new LatestCalls();
    let seen: unknown;
    const first = calls.of('page')(
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject((seen = signal.reason) as Error))),
    );
    const second = calls.of('page')(() => Promise.resolve(2));
    await expect(first).rejects.toBeInstanceOf(SupersededError);
    expect([seen instanceof SupersededError, await second]).toEqual([true, 2]);
  });

  it('leaves other keys alone, and one that has answered', async () => {
    const calls = new LatestCalls();
    const signals: AbortSignal[] = [];
    const ask = (key: string) => calls.of(key)((signal) => Promise.resolve(signals.push(signal)));
    await Promise.all([ask('a'), ask('b')]);
    await ask('a');
    expect(signals.map(({ aborted }) => aborted)).toEqual([false, false, false]);
  });

  it('stops with its page', async () => {
    const latest = new LatestCalls().of('page');
    const call = latest(() => new Gate().wait());
    latest.stop();
    latest.stop();
    await expect(call).rejects.toMatchObject({ name: 'AbortError', code: 'superseded' });
  });

  it('passes on what fails', async () => {
    await expect(new LatestCalls().of('page')(() => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
  });
});
