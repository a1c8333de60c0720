import { describe, expect, it } from '@jest/globals';
import { keepAliveWithin } from './keep-alive.js';

describe('the keep-alive that notices a vanished peer', () => {
  it.each([
    [45_000, { initialDelayMs: 15_000, intervalMs: 5000, count: 5, totalMs: 40_000 }],
    [6000, { initialDelayMs: 2000, intervalMs: 1000, count: 3, totalMs: 5000 }],
    [3000, { initialDelayMs: 1000, intervalMs: 1000, count: 1, totalMs: 2000 }],
    [30, { initialDelayMs: 1000, intervalMs: 1000, count: 1, totalMs: 2000 }],
  ])('within %d ms asks in whole seconds', (ms, asked) => {
    expect(keepAliveWithin(ms)).toEqual(asked);
  });

  it('is over within the time, however long that is, and stays within what a kernel takes', () => {
    for (let ms = 3000; ms <= 3 * 3_600_000; ms += 997) {
      const { initialDelayMs, intervalMs, count, totalMs } = keepAliveWithin(ms);
      expect(totalMs).toBeLessThanOrEqual(ms);
      expect(Math.max(initialDelayMs, intervalMs)).toBeLessThanOrEqual(32_767_000);
      expect(count).toBeLessThanOrEqual(127);
    }
  });
});
