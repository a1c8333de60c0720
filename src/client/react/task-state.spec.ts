import { describe, expect, it } from '@jest/globals';
import { CancelledError, SupersededError } from '../errors.js';
import { toIdle, toUnfinished } from './task-state.js';

const running = { ...toIdle('so far'), status: 'running' } as const;

describe('a task that did not come to a good end', () => {
  it('is cancelled with an error where somebody else cancelled it', () => {
    const error = new CancelledError('Stopped.');
    expect(toUnfinished(running, error)).toEqual({ status: 'cancelled', data: 'so far', error });
  });

  it('is cancelled without one where its component was left, which is no news to it when it is shown again', () => {
    expect(toUnfinished(running, new SupersededError('useLatest'))).toEqual({ status: 'cancelled', data: 'so far', error: undefined });
  });

  it('has failed with whatever was thrown, as an error', () => {
    const error = new TypeError('no such field');
    expect(toUnfinished(running, error)).toEqual({ status: 'failed', data: 'so far', error });
    expect(toUnfinished(running, 'odd')).toMatchObject({ status: 'failed', error: { message: 'odd' } });
  });
});
