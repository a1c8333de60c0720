import { describe, expect, it } from '@jest/globals';
import { costOf, counted, duration, milliseconds, moment, percent, usd, words } from './format.js';

describe('what is shown to people', () => {
  it.each([
    [0, '$0'],
    [0.00000012, '< $0.000001'],
    [0.0000022, '$0.000002'],
    [0.00026123, '$0.000261'],
    [0.5, '$0.50'],
    [1234.5, '$1,234.50'],
  ])('writes %d dollars as %s', (amount, text) => {
    expect(usd(amount)).toBe(text);
  });

  it.each([
    [0.034, '0.03 ms'],
    [12.24, '12.2 ms'],
    [1240, '1.2 s'],
  ])('writes %d ms of a receipt as %s', (ms, text) => {
    expect(milliseconds(ms)).toBe(text);
  });

  it.each([
    [-5, '0.0 s'],
    [4200, '4.2 s'],
    [185_000, '3 min 05 s'],
    [7_620_000, '2 h 07 min'],
  ])('writes a duration of %d ms as %s', (ms, text) => {
    expect(duration(ms)).toBe(text);
  });

  it('gives the time of today, and the day with that of others', () => {
    const now = new Date(2026, 10, 27, 12);
    expect(moment(new Date(2026, 10, 27, 8, 1, 2).toISOString(), now)).toBe('08:01:02');
    expect(moment(new Date(2026, 10, 26, 8, 1, 2).toISOString(), now)).toBe('26 Nov 2026, 08:01:02');
  });

  it('says of a cost that it is an estimate, where it is one that can be seen', () => {
    const usage = { prompt_tokens: 1, completion_tokens: 1, estimated: true, cost_usd: 0.01 };
    expect(costOf({ usage })).toBe('≈ $0.01');
    expect(costOf({ usage: { ...usage, estimated: false } })).toBe('$0.01');
    expect(costOf({ usage: { ...usage, cost_usd: 0 } })).toBe('$0');
  });

  it('counts one and many, says a part in per cent, and names as words', () => {
    expect([counted(1, 'call'), counted(2000, 'call'), percent(0.956), percent(null)]).toEqual(['1 call', '2,000 calls', '95.6%', '–']);
    expect(words('quiz_generation')).toBe('Quiz generation');
  });
});
