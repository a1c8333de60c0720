import { describe, expect, it } from '@jest/globals';
import { comesAbout } from './condition.js';

const never = new Promise<never>(() => undefined);
const SOON = { timeoutMs: 10, message: 'It never came' };

describe('A condition', () => {
  it('comes about when its promise resolves, or its probe is content', async () => {
    const answers = [false, false, true];
    await comesAbout(Promise.resolve(false), SOON);
    await comesAbout(() => answers.shift(), { timeoutMs: 5000, message: '' });
    expect(answers).toEqual([]);
  });

  it('fails as its promise fails', async () => {
    await expect(comesAbout(Promise.reject(new Error('refused')), SOON)).rejects.toThrow(/^refused$/);
  });

  it('fails when its time is up, with what is known', async () => {
    await expect(comesAbout(never, SOON)).rejects.toThrow(/^It never came \(10 ms\)$/);
    await expect(comesAbout(() => never, SOON)).rejects.toThrow(/^It never came \(10 ms\)$/);
    await expect(comesAbout(() => false, SOON)).rejects.toThrow('It never came (10 ms): the probe still says false');
  });
});
