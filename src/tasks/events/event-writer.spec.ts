import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { RecordingLogger } from '../../../test/support/abort-log.js';
import { AbortContext } from '../../abort/index.js';
import type { TaskKey } from '../task.js';
import { EventLog, EventWriter, type EventWriterOptions, type LoggedEvent, type TaskEvent } from './index.js';

const LOST = '[Events] Events could not be written and are lost: readers see a gap';

/** Does with each batch what the test says, and at once where it has said nothing. */
class ScriptedLog extends EventLog {
  readonly batches: (readonly LoggedEvent[])[] = [];
  readonly #context: AbortContext;
  answer: () => Promise<void> = () => Promise.resolve();

  constructor(context: AbortContext) {
    super();
    this.#context = context;
  }

  append(events: readonly LoggedEvent[]): Promise<void> {
    this.#context.require('a log that needs a scope');
    this.batches.push(events);
    return this.answer();
  }

  read(): Promise<TaskEvent[]> {
    return Promise.resolve([]);
  }

  sweep(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

describe('A writer of events', () => {
  let warnings: RecordingLogger;
  let log: ScriptedLog;
  let writer: EventWriter;
  let told: number;

  beforeEach(() => {
    jest.useFakeTimers();
    warnings = RecordingLogger.install();
    told = 0;
    start();
  });
  afterEach(async () => {
    log.answer = () => Promise.resolve();
    const closing = writer.close();
    await pass(10_000);
    await closing;
    expect(jest.getTimerCount()).toBe(0);
    Logger.overrideLogger(false);
    jest.useRealTimers();
  });

  const context = new AbortContext();
  const [one, other]: TaskKey[] = [newTask(), newTask()];

  function newTask(owner = 'learner'): TaskKey {
    return { owner, id: randomUUID() };
  }

  function start(options?: Partial<EventWriterOptions>): void {
    log = new ScriptedLog(context);
    writer = new EventWriter(log, context, options);
  }

  function tell(count: number, task = one!, data = '{}'): void {
    for (let index = 0; index < count; index += 1) writer.add(task, { attempt: 1, sequence: (told += 1), type: 'text-delta', data });
  }

  async function pass(ms: number): Promise<void> {
    await jest.advanceTimersByTimeAsync(ms);
  }

  const refuse =
    (why = 'refused') =>
    (): Promise<void> =>
      Promise.reject(new Error(why));
  const sizes = (): number[] => log.batches.map(({ length }) => length);
  const sequences = (): number[] => log.batches.flatMap((batch) => batch.map(({ event }) => event.sequence));

  /** Whether it has been resolved by now. */
  function watch(promise: Promise<void>): { readonly isOver: boolean } {
    const seen = { isOver: false };
    void promise.then(() => (seen.isOver = true));
    return seen;
  }

  it('lets the first that waits wait for others, 25 ms and no longer', async () => {
    tell(1);
    await pass(24);
    tell(2, other);
    expect(sizes()).toEqual([]);
    await pass(1);
    expect(sizes()).toEqual([3]);
    await pass(1000);
    expect([sizes(), jest.getTimerCount()]).toEqual([[3], 0]);
  });

  it('waits for nobody once 500 wait, and puts no more into a batch', async () => {
    tell(499);
    expect(sizes()).toEqual([]);
    tell(1);
    expect(sizes()).toEqual([500]);
    tell(1200);
    await pass(0);
    expect(sizes()).toEqual([500, 500, 500]);
    await pass(25);
    expect(sizes()).toEqual([500, 500, 500, 200]);
    expect(sequences()).toEqual(Array.from({ length: 1700 }, (_, index) => index + 1));
  });

  it('makes batches of long events smaller, but of one at the least', async () => {
    start({ batchLength: 100 });
    for (const length of [40, 40, 40, 300, 10, 90, 1]) tell(1, one, 'x'.repeat(length));
    const flushed = watch(writer.flushed(one!));
    for (let round = 0; round < 10; round += 1) await pass(25);
    expect([sizes(), flushed.isOver]).toEqual([[2, 1, 1, 2, 1], true]);
  });

  it('has one batch under way at a time', async () => {
    const slow = Promise.withResolvers<undefined>();
    log.answer = () => slow.promise;
    tell(1);
    await pass(25);
    tell(2000);
    await pass(10_000);
    expect(sizes()).toEqual([1]);
    slow.resolve(undefined);
    await pass(0);
    expect(sizes()).toEqual([1, 500, 500, 500, 500]);
  });

  it('says when what a task has told so far is written, without waiting for what comes after it or from others', async () => {
    const slow = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    log.answer = () => slow[log.batches.length - 1]!.promise;
    await writer.flushed(one!);
    tell(1);
    await pass(25);
    const first = watch(writer.flushed(one!));
    tell(1);
    tell(1, other);
    const [second, others] = [watch(writer.flushed(one!)), watch(writer.flushed(other!))];
    await pass(100);
    expect([first, second, others].map(({ isOver }) => isOver)).toEqual([false, false, false]);
    slow[0]!.resolve(undefined);
    await pass(25);
    expect([first, second, others].map(({ isOver }) => isOver)).toEqual([true, false, false]);
    slow[1]!.resolve(undefined);
    await pass(0);
    expect([first, second, others].map(({ isOver }) => isOver)).toEqual([true, true, true]);
    await writer.flushed(one!);
  });

  it('tells the tasks of each batch that was written, once each, before those who wait for it, and whatever a listener does', async () => {
    const heard: unknown[] = [];
    writer.onWritten(() => {
      throw new Error('a listener broke');
    });
    const leave = writer.onWritten((tasks) => void heard.push(tasks));
    const stranger = newTask('another');
    tell(2);
    tell(1, { ...one!, owner: stranger.owner });
    tell(2);
    void writer.flushed(one!).then(() => heard.push('flushed'));
    log.answer = refuse();
    await pass(25);
    expect(heard).toEqual([]);
    log.answer = () => Promise.resolve();
    await pass(250);
    expect(heard).toEqual([[one, { ...one!, owner: stranger.owner }], 'flushed']);
    expect(warnings.at('error')).toEqual(['[Events] A listener failed']);
    leave();
    tell(1);
    await pass(25);
    expect(heard).toHaveLength(2);
  });

  it('tries what failed again with what came meanwhile, four times a second, and says so when it is over', async () => {
    log.answer = refuse('the disk is full');
    tell(1);
    await pass(25);
    tell(600);
    await pass(249);
    expect(sizes()).toEqual([1]);
    await pass(1);
    expect(sizes()).toEqual([1, 500]);
    log.answer = () => Promise.resolve();
    await pass(250);
    expect([sizes(), warnings.lines]).toEqual([[1, 500, 500], [expect.anything()]]);
    await pass(25);
    expect(sequences().slice(501)).toEqual(Array.from({ length: 601 }, (_, index) => index + 1));
    expect(warnings.lines.map(({ level, msg, fields }) => [level, msg, fields.reason])).toEqual([
      ['log', '[Events] Events are written again after 2 batches that failed, 0 events are lost', 'the disk is full'],
    ]);
  });

  it('gives up what it has tried for five seconds, and nothing younger, with one warning', async () => {
    log.answer = refuse('gone');
    tell(3);
    const first = watch(writer.flushed(one!));
    await pass(3000);
    tell(2, other);
    const second = watch(writer.flushed(other!));
    await pass(1900);
    expect([first.isOver, warnings.lines]).toEqual([false, []]);
    await pass(500);
    expect([first.isOver, second.isOver]).toEqual([true, false]);
    await pass(3000);
    expect(second.isOver).toBe(true);
    tell(4);
    log.answer = () => Promise.resolve();
    await pass(250);
    expect(log.batches.at(-1)?.map(({ event }) => event.sequence)).toEqual([6, 7, 8, 9]);
    expect(warnings.lines.map(({ level, msg, fields }) => [level, msg, fields.reason])).toEqual([
      ['warn', LOST, 'gone'],
      ['log', expect.stringMatching(/^\[Events\] Events are written again after \d+ batches that failed, 5 events are lost$/), 'gone'],
    ]);
  });

  it('warns of each outage anew', async () => {
    for (let outage = 1; outage <= 2; outage += 1) {
      log.answer = refuse();
      tell(1);
      await pass(6000);
      log.answer = () => Promise.resolve();
      tell(1);
      await pass(300);
      expect([warnings.at('warn').length, warnings.at('log').length]).toEqual([outage, outage]);
    }
  });

  it('holds no more than it may, also while a batch hangs, and drops the oldest of those that are not under way', async () => {
    start({ maxPending: 2000 });
    const slow = Promise.withResolvers<undefined>();
    log.answer = () => slow.promise;
    tell(500);
    tell(1500);
    expect(warnings.lines).toEqual([]);
    tell(1);
    expect(warnings.at('warn')).toEqual([LOST]);
    log.answer = () => Promise.resolve();
    slow.resolve(undefined);
    await pass(25);
    expect(sequences()).toEqual([...Array(500).keys(), ...Array.from({ length: 1001 }, (_, index) => index + 1000)].map((n) => n + 1));
    expect(warnings.at('log')).toEqual(['[Events] Events are written again after 0 batches that failed, 500 events are lost']);
  });

  it('writes what waits when it closes, at once, tells of it, and takes nothing more', async () => {
    const heard: unknown[] = [];
    writer.onWritten((tasks) => void heard.push(tasks));
    tell(600);
    const flushed = watch(writer.flushed(one!));
    const closed = watch(writer.close());
    tell(1);
    await pass(0);
    expect([sizes(), heard.length, flushed.isOver, closed.isOver]).toEqual([[500, 100], 2, true, true]);
    await writer.close();
    await writer.flushed(one!);
    expect(jest.getTimerCount()).toBe(0);
  });

  it('tries for three seconds to close, then gives up with a warning and lets everybody go', async () => {
    log.answer = refuse('gone');
    tell(3);
    const flushed = watch(writer.flushed(one!));
    await pass(25);
    const closed = watch(writer.close());
    await pass(2999);
    expect([closed.isOver, flushed.isOver]).toEqual([false, false]);
    await pass(1);
    expect([closed.isOver, flushed.isOver, warnings.at('warn'), jest.getTimerCount()]).toEqual([true, true, [LOST], 0]);
    const tries = log.batches.length;
    expect(tries).toBeGreaterThan(10);
    await pass(10_000);
    expect(log.batches).toHaveLength(tries);
  });

  it.each(['resolves', 'rejects'])(
    'does not wait for a batch that hangs when it closes; that it %s later is nobody’s business',
    async (how) => {
      const slow = Promise.withResolvers<undefined>();
      log.answer = () => slow.promise;
      tell(3);
      await pass(25);
      const closed = watch(writer.close());
      await pass(3000);
      expect([closed.isOver, warnings.at('warn')]).toEqual([true, [LOST]]);
      if (how === 'resolves') slow.resolve(undefined);
      else slow.reject(new Error('too late'));
      await pass(10_000);
      expect([warnings.lines.length, log.batches.length, jest.getTimerCount()]).toEqual([1, 1, 0]);
    },
  );
});
