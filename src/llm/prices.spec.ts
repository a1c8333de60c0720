import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConfigError } from '../config/index.js';
import { costOf, PRICES, PRICES_AS_OF, PriceTable } from './prices.js';

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

describe('a file of prices', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'hangup-prices-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  async function read(text: string): Promise<PriceTable> {
    const path = join(folder, 'prices.json');
    await writeFile(path, text);
    return await PriceTable.read(path);
  }

  it('takes the place of all built-in prices, with its date', async () => {
    const table = await read('{"date": "2026-12-01", "models": {"mine": {"input": 1, "output": 4}}}');
    expect(table.date).toBe('2026-12-01');
    expect(table.costOf('mine', { promptTokens: MILLION, completionTokens: MILLION })).toBe(5);
    expect(table.costOf('gpt-4o', { promptTokens: 1, completionTokens: 1 })).toBeUndefined();
  });

  it.each([
    ['no JSON', 'prices', 'it is not JSON'],
    ['no date', '{"models": {}}', '/date: '],
    ['no day that there is', '{"date": "2026-02-30", "models": {}}', '/date: '],
    ['a price below nothing', '{"date": "2026-12-01", "models": {"m": {"input": -1, "output": 0}}}', '/models/m/input: '],
    ['half a price', '{"date": "2026-12-01", "models": {"m": {"input": 1}}}', '/models/m/output: '],
    ['a word that it does not know', '{"date": "2026-12-01", "models": {"m": {"input": 1, "output": 1, "cached": 1}}}', '/models/m: '],
  ])('with %s is refused in one line that says where', async (_, text, where) => {
    const refusal = await read(text).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ConfigError);
    expect((refusal as Error).message).toMatch(/^PRICES_FILE must name a file like [^\n]+prices\.json"\)$/);
    expect((refusal as Error).message).toContain(where);
  });

  it('that is not there is refused the same way', async () => {
    await expect(PriceTable.read(join(folder, 'none'))).rejects.toThrow(/it cannot be read \(ENOENT\)/);
  });
});
