import { describe, expect, it } from '@jest/globals';
import { costOf, PRICES, PRICES_AS_OF } from './prices.js';

const MILLION = 1_000_000;

describe('the price of a call', () => {
  it.each([
    ['gpt-4o-mini', 1000, 500, 0.000_45],
    ['gpt-4o', MILLION, MILLION, 12.5],
    ['text-embedding-3-small', MILLION, 0, 0.02],
    ['gpt-4o', 0, 0, 0],
    ['hangup-offline', MILLION, MILLION, 0],
  ])('of %s for %i tokens in and %i out is %d US dollars', (model, promptTokens, completionTokens, cost) => {
    expect(costOf(model, { promptTokens, completionTokens })).toBeCloseTo(cost, 10);
  });

  it('counts what goes in and what comes out apart', () => {
    const inward = costOf('gpt-4o', { promptTokens: 1000, completionTokens: 0 });
    const outward = costOf('gpt-4o', { promptTokens: 0, completionTokens: 1000 });
    expect([inward, outward]).toEqual([0.0025, 0.01]);
  });

  it('is not made up for a model that has none', () => {
    expect(costOf('a-model-of-tomorrow', { promptTokens: 1, completionTokens: 1 })).toBeUndefined();
  });

  it('is dated, and never negative', () => {
    expect(PRICES_AS_OF).toMatch(/^\d{4}-\d{2}-\d{2}$/);
    expect(Object.values(PRICES).filter(({ prompt, completion }) => prompt < 0 || completion < 0)).toEqual([]);
  });
});
