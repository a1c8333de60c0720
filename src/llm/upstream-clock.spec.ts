import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { loadConfig } from '../config/index.js';
import type { DomainError } from '../problems/index.js';
import { UpstreamClock } from './upstream-clock.js';

const { llm } = loadConfig({ LLM_IDLE_TIMEOUT_MS: '100', LLM_TIMEOUT_MS: '1000' });

describe('the clock of a call', () => {
  let expired: DomainError[];
  let clock: UpstreamClock;

  beforeEach(() => {
    jest.useFakeTimers();
    expired = [];
    clock = new UpstreamClock(llm, (reason) => expired.push(reason));
  });
  afterEach(() => {
    clock.stop();
    jest.useRealTimers();
  });

  it('ends a call that says nothing, from the very start', () => {
    jest.advanceTimersByTime(99);
    expect(expired).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(expired).toEqual([
      expect.objectContaining({ code: 'upstream_timeout', message: 'The language model said nothing for 100 ms.' }),
    ]);
  });

  it('does not count the time that a reader takes over a piece', () => {
    clock.hold();
    jest.advanceTimersByTime(500);
    expect(expired).toEqual([]);
    clock.tick();
    jest.advanceTimersByTime(99);
    expect(expired).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(expired).toHaveLength(1);
  });

  it('begins the silence anew with every piece', () => {
    for (let piece = 0; piece < 5; piece += 1) {
      jest.advanceTimersByTime(99);
      clock.hold();
      clock.tick();
    }
    expect(expired).toEqual([]);
    jest.advanceTimersByTime(100);
    expect(expired).toHaveLength(1);
  });

  it('ends a call that goes on for ever, however much it says', () => {
    for (let ms = 0; ms < 1000; ms += 50) {
      expect(expired).toEqual([]);
      jest.advanceTimersByTime(50);
      clock.tick();
    }
    expect(expired).toEqual([
      expect.objectContaining({ code: 'upstream_timeout', message: 'The language model was not done for 1000 ms.' }),
    ]);
  });

  it('is silent once stopped, and leaves no timer', () => {
    clock.stop();
    expect(jest.getTimerCount()).toBe(0);
    jest.advanceTimersByTime(10_000);
    expect(expired).toEqual([]);
  });
});
