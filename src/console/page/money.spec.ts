import { describe, expect, it } from '@jest/globals';
import { firstDay, seriesOf, unitOf } from './money.js';
import type { Amounts, UsageReport } from './wire.js';

const NOTHING = { calls: 0, cost_usd: 0 } as Amounts & UsageReport['saved'];

function day(name: string, calls: number, cost_usd: number): UsageReport['by_day'][number] {
  const some = { ...NOTHING, calls, cost_usd };
  return { day: name, ended_tasks: 1, spent: some, wasted: { ...some, calls: 1 }, saved: NOTHING, cancels: { tasks: 0, rate: 0 } };
}

describe('what is plotted of money', () => {
  const range = { from: '2026-11-25T00:00:00.000Z', to: '2026-11-27T08:00:00.000Z' };

  it('has each day of the range once, those on which nothing happened too', () => {
    const { days, spent, wasted, saved } = seriesOf({ ...range, by_day: [day('2026-11-25', 4, 0.1), day('2026-11-27', 6, 0.2)] }, 'usd');
    expect(days.map((seconds) => new Date(seconds * 1000).toISOString())).toEqual([
      '2026-11-25T00:00:00.000Z',
      '2026-11-26T00:00:00.000Z',
      '2026-11-27T00:00:00.000Z',
    ]);
    expect({ spent, wasted, saved }).toEqual({ spent: [0.1, 0, 0.2], wasted: [0.1, 0, 0.2], saved: [0, 0, 0] });
  });

  it('does not count the day that a range ends before', () => {
    expect(seriesOf({ from: range.from, to: '2026-11-26T00:00:00.000Z', by_day: [] }, 'usd').days).toHaveLength(1);
  });

  it('is calls where the model costs nothing', () => {
    expect(unitOf({ spent: { ...NOTHING, calls: 9 }, saved: NOTHING })).toBe('calls');
    expect(unitOf({ spent: { ...NOTHING, cost_usd: 0.1 }, saved: NOTHING })).toBe('usd');
    expect(seriesOf({ ...range, by_day: [day('2026-11-25', 4, 0)] }, 'calls')).toMatchObject({ spent: [4, 0, 0], wasted: [1, 0, 0] });
  });

  it('begins so many days ago that today is the last', () => {
    expect(firstDay(7, new Date('2026-11-27T23:59:00Z'))).toBe('2026-11-21');
  });
});
