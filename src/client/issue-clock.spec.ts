import { describe, expect, it } from '@jest/globals';
import { IssueClock } from './issue-clock.js';

describe('the clock of what is issued', () => {
  it('never says the same twice, nor goes back, whatever the machine’s own does', () => {
    const times = [1000, 1000, 1000, 400, 1001, 2000];
    const clock = new IssueClock(() => times.shift()!);
    expect(Array.from({ length: 6 }, () => clock.next())).toEqual([1000, 1001, 1002, 1003, 1004, 2000]);
  });
});
