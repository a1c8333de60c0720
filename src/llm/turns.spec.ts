import { setImmediate } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Turns } from './turns.js';

describe('Turns of the event loop', () => {
  it('are each of one caller alone, and go to them in the order in which they asked', async () => {
    const turns = new Turns();
    const order: string[] = [];
    const asked = Promise.all(['a', 'b', 'c'].map(async (name) => order.push((await turns.next(), name))));
    for (let turn = 0; order.filter((what) => what !== '-').length < 3 && turn < 100; turn += 1) {
      await setImmediate();
      order.push('-');
    }
    await asked;
    expect(order.join('')).toMatch(/^-+a-+b-+c-*$/);
  });

  it('do not come before those have ended that were under way when they were asked for', async () => {
    const turns = new Turns();
    const order: string[] = [];
    const others = setImmediate().then(() => order.push('next turn'));
    await turns.next();
    order.push('own turn');
    await others;
    expect(order).toEqual(['next turn', 'own turn']);
  });
});
