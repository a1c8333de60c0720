import { performance } from 'node:perf_hooks';
import { describe, expect, it, jest } from '@jest/globals';
import { DisconnectTurns, IN_ONE_TURN } from './disconnect-turns.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('disconnects', () => {
  it('of a crowd say so until all have been told of, and then once that it is calm', async () => {
    const turns = new DisconnectTurns();
    const told: number[] = [];
    let calm = 0;
    turns.onCalm(() => {
      calm += 1;
      expect([turns.isCrowd, told.length]).toEqual([false, 110]);
    });
    for (let i = 0; i < 110; i += 1) turns.take(() => told.push(i));
    expect(turns.isCrowd).toBe(true);
    for (let i = 0; i < 10; i += 1) await turn();
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

  it('of a crowd are told of in their order, a few at once and in each turn, and let others run in between', async () => {
    const turns = new DisconnectTurns();
    const told: number[] = [];
    for (let i = 0; i < 120; i += 1) turns.take(() => told.push(i));
    await Promise.resolve();
    const counts = [told.length];
    for (let i = 0; i < 6; i += 1) {
      await turn();
      counts.push(told.length);
    }
    expect(told).toEqual(Array.from({ length: 120 }, (_, i) => i));
    expect(counts).toEqual([25, 50, 75, 100, 120, 120, 120]);
  });

  it('that come in a turn in which others are told of make no more than may be in one', async () => {
    const turns = new DisconnectTurns();
    let told = 0;
    for (let i = 0; i < IN_ONE_TURN + 10; i += 1) turns.take(() => (told += 1));
    await turn();
    for (let i = 0; i < IN_ONE_TURN; i += 1) turns.take(() => (told += 1));
    await Promise.resolve();
    expect(told).toBe(2 * IN_ONE_TURN);
  });

  it('that go on coming, turn after turn, are all told of', async () => {
    const turns = new DisconnectTurns();
    let told = 0;
    for (let i = 0; i < 20; i += 1) {
      for (let n = 0; n < 2 * IN_ONE_TURN; n += 1) turns.take(() => (told += 1));
      await turn();
    }
    for (let i = 0; i < 20; i += 1) await turn();
    expect(told).toBe(40 * IN_ONE_TURN);
  });

  it('that are expected are of a crowd, which is calm when no more are and all have been told of', async () => {
    const turns = new DisconnectTurns();
    const told: string[] = [];
    turns.onCalm(() => told.push('calm'));
    turns.expectMore();
    expect(turns.isCrowd).toBe(true);
    turns.take(() => told.push('first'));
    for (let i = 0; i < 3; i += 1) await turn();
    turns.take(() => told.push('last'));
    turns.expectNoMore();
    expect(turns.isCrowd).toBe(true);
    await turn();
    expect([turns.isCrowd, told]).toEqual([false, ['first', 'last', 'calm']]);
  });

  it('that were expected and did not come are no crowd any more', () => {
    const turns = new DisconnectTurns();
    let calm = 0;
    turns.onCalm(() => (calm += 1));
    turns.expectMore();
    turns.expectNoMore();
    turns.expectNoMore();
    expect([turns.isCrowd, calm]).toEqual([false, 1]);
  });

  it('unwind at once where no crowd leaves', () => {
    const turns = new DisconnectTurns();
    const unwound: string[] = [];
    turns.take(() => undefined);
    turns.unwind(() => unwound.push('alone'));
    expect(unwound).toEqual(['alone']);
  });

  it('of a crowd unwind when all of them have been told of, in their order, a few in each turn, and only then it is calm', async () => {
    const turns = new DisconnectTurns();
    const log: string[] = [];
    turns.onCalm(() => log.push('calm'));
    const leave = (i: number): void => {
      log.push(`told ${i}`);
      turns.unwind(() => log.push(`unwound ${i}`));
    };
    for (let i = 0; i < 60; i += 1) turns.take(() => leave(i));
    const counts: number[] = [];
    for (let i = 0; i < 8; i += 1) {
      await turn();
      counts.push(log.filter((line) => line.startsWith('unwound')).length);
    }
    const each = (what: string): string[] => Array.from({ length: 60 }, (_, i) => `${what} ${i}`);
    expect(log).toEqual([...each('told'), ...each('unwound'), 'calm']);
    expect(counts).toEqual([0, 0, 25, 50, 60, 60, 60, 60]);
  });

  it('do not unwind while more are expected, and do when no more are', async () => {
    const turns = new DisconnectTurns();
    const log: string[] = [];
    turns.expectMore();
    turns.take(() => turns.unwind(() => log.push('unwound')));
    for (let i = 0; i < 3; i += 1) await turn();
    expect(log).toEqual([]);
    turns.expectNoMore();
    await Promise.resolve();
    expect([turns.isCrowd, log]).toEqual([true, ['unwound']]);
    await turn();
    expect(turns.isCrowd).toBe(false);
  });

  it('that never end let what has waited for five seconds unwind all the same', async () => {
    const turns = new DisconnectTurns();
    const clock = jest.spyOn(performance, 'now').mockReturnValue(1000);
    let unwound = 0;
    turns.expectMore();
    const leave = (): void => turns.unwind(() => (unwound += 1));
    turns.take(leave);
    await turn();
    clock.mockReturnValue(6000);
    turns.take(leave);
    await turn();
    expect(unwound).toBe(0);
    clock.mockReturnValue(6001);
    turns.take(leave);
    await turn();
    clock.mockRestore();
    expect(unwound).toBe(3);
  });

  it('that come later come after those that wait', async () => {
    const turns = new DisconnectTurns();
    const told: string[] = [];
    for (let i = 0; i < 60; i += 1) turns.take(() => told.push('first'));
    await turn();
    turns.take(() => told.push('later'));
    for (let i = 0; i < 5; i += 1) await turn();
    expect([told.length, told.at(-1)]).toEqual([61, 'later']);
    turns.take(() => told.push('alone'));
    await Promise.resolve();
    expect(told.at(-1)).toBe('alone');
  });
});
