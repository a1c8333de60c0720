import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import type { Pool } from 'pg';
import { BackendCanceller } from './backend-canceller.js';
import { RecordingLogger } from '../../test/support/abort-log.js';

/** A control connection whose answers the test gives. */
class ScriptedControl {
  readonly rounds: { pids: number[]; answer: () => Promise<void>; fail: (error: Error) => Promise<void> }[] = [];

  query(_sql: string, [pids]: [number[]]): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const settle = async (end: () => void): Promise<void> => {
      end();
      await jest.advanceTimersByTimeAsync(0);
    };
    this.rounds.push({ pids, answer: () => settle(() => resolve({})), fail: (error) => settle(() => reject(error)) });
    return promise;
  }
}

let control: ScriptedControl;
let canceller: BackendCanceller;
let log: RecordingLogger;

async function turn(ms = 0): Promise<void> {
  await jest.advanceTimersByTimeAsync(ms);
}

async function isPending(promise: Promise<unknown>): Promise<boolean> {
  const pending = Symbol('pending');
  await turn();
  return (await Promise.race([promise, Promise.resolve(pending)])) === pending;
}

beforeEach(() => {
  jest.useFakeTimers();
  log = RecordingLogger.install();
  control = new ScriptedControl();
  canceller = new BackendCanceller(control as unknown as Pool);
});

afterEach(() => {
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
  Logger.overrideLogger(false);
});

describe('A backend canceller', () => {
  it('sends the aborts of one tick in one statement', async () => {
    const cancellations = [11, 12, 13].map((pid) => canceller.cancel(pid));
    await turn();
    expect(control.rounds.map(({ pids }) => pids)).toEqual([[11, 12, 13]]);
    const settled = Promise.all(cancellations.map((cancellation) => cancellation.settle()));
    await control.rounds[0]!.answer();
    await settled;
  });

  it('goes on until the query has settled, because a single cancel may fall into a gap', async () => {
    const cancellation = canceller.cancel(11);
    await turn();
    await control.rounds[0]!.answer();
    await turn(24);
    expect(control.rounds).toHaveLength(1);
    await turn(1);
    expect(control.rounds.map(({ pids }) => pids)).toEqual([[11], [11]]);
    await control.rounds[1]!.answer();
    await cancellation.settle();
    await turn(1000);
    expect(control.rounds).toHaveLength(2);
  });

  it('has one statement in flight at a time, however many aborts come meanwhile', async () => {
    const first = canceller.cancel(11);
    await turn();
    const second = canceller.cancel(12);
    await turn(1000);
    expect(control.rounds).toHaveLength(1);
    await control.rounds[0]!.answer();
    await turn(25);
    expect(control.rounds[1]!.pids).toEqual([11, 12]);
    await control.rounds[1]!.answer();
    await Promise.all([first.settle(), second.settle()]);
  });

  it('calls a connection safe only when the cancel in flight has arrived, and sends it no other', async () => {
    const cancellation = canceller.cancel(11);
    await turn();
    const settled = cancellation.settle();
    expect(await isPending(settled)).toBe(true);
    await control.rounds[0]!.answer();
    await settled;
    await turn(1000);
    expect(control.rounds).toHaveLength(1);
  });

  it('leaves a settled query out of the next round while it goes on with the others', async () => {
    const [first, second] = [canceller.cancel(11), canceller.cancel(12)];
    await turn();
    await control.rounds[0]!.answer();
    await first.settle();
    await turn(25);
    expect(control.rounds[1]!.pids).toEqual([12]);
    await control.rounds[1]!.answer();
    await second.settle();
  });

  it('sends nothing at all for a query that settled in the tick of its abort', async () => {
    await canceller.cancel(11).settle();
    await turn(1000);
    expect(control.rounds).toEqual([]);
  });

  it('stops its clock as soon as nothing is left to cancel, and starts again for the next abort', async () => {
    const cancellation = canceller.cancel(11);
    await turn();
    await control.rounds[0]!.answer();
    expect(jest.getTimerCount()).toBe(1);
    await cancellation.settle();
    expect(jest.getTimerCount()).toBe(0);
    const next = canceller.cancel(12);
    await turn();
    expect(control.rounds[1]!.pids).toEqual([12]);
    await control.rounds[1]!.answer();
    await next.settle();
  });

  it('does not forget an abort that comes in the moment in which the last query settles', async () => {
    const cancellation = canceller.cancel(11);
    await turn();
    await control.rounds[0]!.answer();
    const settled = cancellation.settle();
    const next = canceller.cancel(12);
    await settled;
    await turn(25);
    expect(control.rounds[1]?.pids).toEqual([12]);
    await control.rounds[1]!.answer();
    await next.settle();
  });

  it('tries again, more slowly, when the cancel could not be sent, and says so once', async () => {
    const cancellation = canceller.cancel(11);
    await turn();
    await control.rounds[0]!.fail(new Error('connection lost'));
    await turn(499);
    expect(control.rounds).toHaveLength(1);
    await turn(1);
    await control.rounds[1]!.fail(new Error('connection lost'));
    await turn(500);
    await control.rounds[2]!.answer();
    await cancellation.settle();
    expect(log.at('warn', 'Database')).toEqual(['[Database] Could not send a query cancel, trying again']);
    expect(log.at('error')).toEqual([]);
  });

  it('says it again when it fails anew after a success', async () => {
    const cancellation = canceller.cancel(11);
    await turn();
    await control.rounds[0]!.fail(new Error('connection lost'));
    await turn(500);
    await control.rounds[1]!.answer();
    await turn(25);
    await control.rounds[2]!.fail(new Error('connection lost'));
    await cancellation.settle();
    expect(log.at('warn')).toHaveLength(2);
  });

  it('is safe also when the cancel in flight fails: settling never rejects', async () => {
    const cancellation = canceller.cancel(11);
    await turn();
    const settled = cancellation.settle();
    await control.rounds[0]!.fail(new Error('connection lost'));
    await expect(settled).resolves.toBeUndefined();
  });
});
