import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { RecordingLogger } from '../../test/support/abort-log.js';
import { DisconnectTurns } from './disconnect-turns.js';
import { AbortContext, CancelledError, ClientDisconnectedError, type AbortReason } from './index.js';

const reason = new ClientDisconnectedError();
let log: RecordingLogger;
let turns: DisconnectTurns;
let context: AbortContext;

beforeEach(() => {
  log = RecordingLogger.install();
  turns = new DisconnectTurns();
  context = new AbortContext({ zombieAfterMs: 5000 }, undefined, turns);
});

afterEach(() => {
  jest.useRealTimers();
  Logger.overrideLogger(false);
});

describe('unwinding', () => {
  /** Whether the ambient signal and that of what unwinds are aborted once the work around them was stopped. */
  async function abortWith(why: AbortReason): Promise<{ readonly aborted: boolean; unwinding(): unknown }> {
    const root = new AbortController();
    return await context.run(root.signal, ({ signal }) => {
      const unwinding = context.unwinding();
      root.abort(why);
      return { aborted: signal.aborted, unwinding: () => unwinding.signal.reason as unknown };
    });
  }

  it('aborts with the ambient signal, and the very same reason', async () => {
    const { aborted, unwinding } = await abortWith(reason);
    expect([aborted, unwinding()]).toEqual([true, reason]);
  });

  it('of one of a crowd that leaves aborts after the signals of all', async () => {
    turns.expectMore();
    const { aborted, unwinding } = await abortWith(reason);
    expect([aborted, unwinding()]).toEqual([true, undefined]);
    turns.expectNoMore();
    await Promise.resolve();
    expect(unwinding()).toBe(reason);
  });

  it('takes its time: nothing is named a zombie while a crowd leaves, and is after that', async () => {
    jest.useFakeTimers();
    const root = new AbortController();
    turns.expectMore();
    const run = context.run(root.signal, async (scope) => {
      const tracked = context.track('llm', 'chat', new Promise(() => undefined));
      root.abort(reason);
      await expect(tracked).rejects.toBe(reason);
      return scope.report();
    });
    await jest.advanceTimersByTimeAsync(12_000);
    expect(log.at('warn')).toEqual([]);
    turns.expectNoMore();
    await jest.advanceTimersByTimeAsync(5000);
    expect(await run).toMatchObject({ zombies: ['llm:chat'] });
  });

  it('of work that is stopped for another reason does not wait for a crowd that leaves meanwhile', async () => {
    turns.expectMore();
    const cancel = new CancelledError();
    const { unwinding } = await abortWith(cancel);
    expect(unwinding()).toBe(cancel);
  });
});
