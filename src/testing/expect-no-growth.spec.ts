import { afterEach, describe, expect, it } from '@jest/globals';
import { expectNoGrowth } from './index.js';

const timers: NodeJS.Timeout[] = [];
const leak = (): unknown => timers.push(setTimeout(() => undefined, 60_000));

afterEach(() => {
  for (const timer of timers.splice(0)) clearTimeout(timer);
});

describe('Rounds that are to leave no more behind than the first', () => {
  it('may leave what the first leaves', async () => {
    let rounds = 0;
    await expectNoGrowth(() => {
      rounds += 1;
      if (timers.length === 0) leak();
    });
    expect(rounds).toBe(9);
  });

  it('fail with what has grown', async () => {
    await expect(expectNoGrowth(leak, { rounds: 3, timeoutMs: 20 })).rejects.toThrow(
      /^More is left after 3 rounds than before them \(20 ms\): Timeout: \d+ instead of \d+$/,
    );
  });

  it('may leave a little more, where that is said', async () => {
    await expectNoGrowth(leak, { rounds: 2, slack: { Timeout: 2 }, timeoutMs: 20 });
    await expect(expectNoGrowth(leak, { rounds: 3, slack: { Timeout: 2 }, timeoutMs: 20 })).rejects.toThrow('Timeout');
  });

  it('are counted by what the test counts, too, once that has come down', async () => {
    let busy = 0;
    const counts = { 'busy connections': () => Promise.resolve(busy) };
    const round = (): void => {
      busy += 1;
    };
    await expect(expectNoGrowth(round, { warmUps: 2, rounds: 1, counts, timeoutMs: 20 })).rejects.toThrow(
      'More is left after 1 rounds than before them (20 ms): busy connections: 3 instead of 2',
    );
    const falling = { 'busy connections': () => (busy > 3 ? (busy -= 1) : 3) };
    await expectNoGrowth(round, { rounds: 4, counts: falling });
  });
});
