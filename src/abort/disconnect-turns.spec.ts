import { describe, expect, it } from '@jest/globals';
import { DisconnectTurns } from './disconnect-turns.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('disconnects', () => {
  it('of a crowd say so until all have been told of, and then once that it is calm', async () => {
    const turns = new DisconnectTurns();
    const told: number[] = [];
    let calm = 0;
    turns.onCalm(() => {
      calm += 1;
      expect([turns.isCrowd, told.length]).toEqual([false, 150]);
    });
    for (let i = 0; i < 150; i += 1) turns.take(() => told.push(i));
    expect(turns.isCrowd).toBe(true);
    for (let i = 0; i < 5; i += 1) await turn();
    expect(calm).toBe(1);
  });

  it('are told of in the turn in which they come, behind what is still to run in it', async () => {
    const turns = new DisconnectTurns();
    const told: string[] = [];
    turns.take(() => told.push('left'));
    told.push('the rest of the tick');
    await Promise.resolve();
    expect(told).toEqual(['the rest of the tick', 'left']);
  });

  it('of a crowd are told of in their order, four at once and then a hundred in a turn, and let others run in between', async () => {
    const turns = new DisconnectTurns();
    const told: number[] = [];
    for (let i = 0; i < 420; i += 1) turns.take(() => told.push(i));
    await Promise.resolve();
    expect(told).toHaveLength(4);
    const counts: number[] = [];
    for (let i = 0; i < 6; i += 1) {
      await turn();
      counts.push(told.length);
    }
    expect(told).toEqual(Array.from({ length: 420 }, (_, i) => i));
    expect(counts.at(-1)).toBe(420);
    for (const [i, count] of counts.entries()) expect(count - (counts[i - 1] ?? 4)).toBeLessThanOrEqual(100);
  });

  it('are told of four in a turn for as long as more come, whose sockets close in the same turns', async () => {
    const turns = new DisconnectTurns();
    const told: number[] = [];
    const counts: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      for (let n = 0; n < 50; n += 1) turns.take(() => told.push(n));
      await turn();
      counts.push(told.length);
    }
    expect(counts).toEqual([8, 12, 16, 20, 24]);
    await turn();
    expect(told).toHaveLength(124);
    for (let i = 0; i < 2; i += 1) await turn();
    expect(told).toHaveLength(250);
  });

  it('that go on coming, turn after turn, are told of a hundred in a turn again', async () => {
    const turns = new DisconnectTurns();
    let told = 0;
    for (let i = 0; i < 40; i += 1) {
      for (let n = 0; n < 50; n += 1) turns.take(() => (told += 1));
      await turn();
    }
    expect(told).toBe(40 * 50);
  });

  it('that come later come after those that wait', async () => {
    const turns = new DisconnectTurns();
    const told: string[] = [];
    for (let i = 0; i < 220; i += 1) turns.take(() => told.push('first'));
    await turn();
    turns.take(() => told.push('later'));
    for (let i = 0; i < 5; i += 1) await turn();
    expect([told.length, told.at(-1)]).toEqual([221, 'later']);
    turns.take(() => told.push('alone'));
    await Promise.resolve();
    expect(told.at(-1)).toBe('alone');
  });
});
