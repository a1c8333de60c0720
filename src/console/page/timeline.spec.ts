import { describe, expect, it } from '@jest/globals';
import { stoppedAfterMs, timelineOf } from './timeline.js';

const layer = (told_ms: number, stopped_ms: number | null) => ({ layer: 'llm', operation: 'chat', told_ms, stopped_ms });

describe('the timeline of a receipt', () => {
  it('draws each layer from told to stopped, on an axis of round steps that holds the last', () => {
    const { rows, endMs, ticks } = timelineOf({ layers: [layer(0, 17), layer(5, 10)] });
    expect([endMs, ticks]).toEqual([20, [0, 5, 10, 15, 20]]);
    expect(rows.map(({ from, to }) => [from, to])).toEqual([
      [0, 0.85],
      [0.25, 0.5],
    ]);
  });

  it('lets a layer that ignored its signal run to the edge, and says of none when all had stopped', () => {
    const layers = [layer(0.5, 40), layer(0.5, null)];
    expect(timelineOf({ layers }).rows[1]).toMatchObject({ stoppedMs: null, to: 1 });
    expect(stoppedAfterMs({ layers })).toBeNull();
    expect(stoppedAfterMs({ layers: [layer(0, 2), layer(0, 9), layer(0, 4)] })).toBe(9);
  });

  it('has a width where everything stopped in no time, and where there was nothing to stop', () => {
    expect(timelineOf({ layers: [layer(0, 0)] })).toMatchObject({ endMs: 1, rows: [{ from: 0, to: 0 }] });
    expect(timelineOf({ layers: [] })).toMatchObject({ endMs: 1, rows: [] });
    expect(stoppedAfterMs({ layers: [] })).toBeNull();
  });

  it.each([0.3, 1.01, 7, 99, 2500, 86_000])('has at most six steps up to %d ms, and ends with one', (ms) => {
    const { endMs, ticks } = timelineOf({ layers: [layer(0, ms)] });
    expect(ticks.length).toBeLessThanOrEqual(7);
    expect(endMs).toBeGreaterThanOrEqual(ms);
    expect(ticks.at(-1)).toBeCloseTo(endMs);
  });
});
