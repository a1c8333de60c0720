import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Heartbeat } from './heartbeat.js';

describe('A heartbeat', () => {
  /** The questions that were asked, each to be answered by the test. */
  let asked: PromiseWithResolvers<undefined>[];
  let silences: unknown[];
  let heartbeat: Heartbeat;

  beforeEach(() => {
    jest.useFakeTimers();
    [asked, silences] = [[], []];
    const ask = (): Promise<unknown> => {
      const question = Promise.withResolvers<undefined>();
      asked.push(question);
      return question.promise;
    };
    heartbeat = new Heartbeat(ask, (why) => silences.push(why));
  });
  afterEach(() => {
    heartbeat.stop();
    jest.useRealTimers();
  });

  async function pass(ms: number): Promise<void> {
    await jest.advanceTimersByTimeAsync(ms);
  }

  it('asks every two seconds, for as long as it is answered', async () => {
    heartbeat.start();
    for (let beat = 1; beat <= 3; beat += 1) {
      await pass(1999);
      expect(asked).toHaveLength(beat - 1);
      await pass(1);
      expect(asked).toHaveLength(beat);
      asked.at(-1)?.resolve(undefined);
      await pass(0);
    }
    expect(silences).toEqual([]);
  });

  it('tells once of a question that was not answered within a second, and asks no more', async () => {
    heartbeat.start();
    await pass(2999);
    expect(silences).toEqual([]);
    await pass(2);
    expect(silences).toEqual([new Error('no answer within 1000 ms')]);
    await pass(10_000);
    expect([asked.length, silences.length, jest.getTimerCount()]).toEqual([1, 1, 0]);
  });

  it('tells of a question that was refused', async () => {
    heartbeat.start();
    await pass(2000);
    const refused = new Error('refused');
    asked[0]?.reject(refused);
    await pass(0);
    expect(silences).toEqual([refused]);
  });

  it('asks at once when there is doubt, but one question at a time, and then at its own pace again', async () => {
    heartbeat.start();
    await pass(1500);
    void heartbeat.beat();
    void heartbeat.beat();
    expect(asked).toHaveLength(1);
    asked[0]?.resolve(undefined);
    await pass(1999);
    expect(asked).toHaveLength(1);
    await pass(1);
    expect(asked).toHaveLength(2);
  });

  it.each(['before it is started', 'between two questions', 'while it waits for an answer'] as const)(
    'is silent once it was stopped %s',
    async (moment) => {
      if (moment === 'before it is started') heartbeat.stop();
      heartbeat.start();
      await pass(moment === 'while it waits for an answer' ? 2500 : 500);
      heartbeat.stop();
      const count = asked.length;
      asked[0]?.reject(new Error('the connection was ended'));
      await pass(10_000);
      await heartbeat.beat();
      expect([asked.length, silences, jest.getTimerCount()]).toEqual([count, [], 0]);
    },
  );
});
