import { describe, expect, it } from '@jest/globals';
import { eventually } from './index.js';

describe('eventually', () => {
  it('asks again until the probe no longer throws, and resolves with its answer', async () => {
    let asked = 0;
    const answer = await eventually(() => {
      asked += 1;
      if (asked < 3) throw new Error('not yet');
      return 'now';
    });
    expect({ answer, asked }).toEqual({ answer: 'now', asked: 3 });
  });

  it('asks again until a boolean probe says true', async () => {
    const answers = [false, false, true];
    await expect(eventually(() => Promise.resolve(answers.shift()))).resolves.toBe(true);
  });

  it('takes other falsy answers for answers', async () => {
    await expect(eventually(() => 0)).resolves.toBe(0);
    await expect(eventually(() => undefined)).resolves.toBeUndefined();
  });

  it('rejects with the last error when the time is up', async () => {
    const failure = eventually(() => Promise.reject(new Error('the backend is busy')), {
      timeoutMs: 30,
      message: 'The backend never went idle',
    });
    await expect(failure).rejects.toThrow('The backend never went idle (30 ms): the backend is busy');
    await expect(eventually(() => false, { timeoutMs: 1 })).rejects.toThrow('the probe still says false');
  });
});
