import { describe, expect, it } from '@jest/globals';
import { expectNoAbortListeners } from '../../testing/index.js';
import type { EventWriter } from './event-writer.js';
import { TaskChannel } from './task-channel.js';
import type { EventPosition, TaskEvent } from './task-event.js';

const MOST_AHEAD = 16;

function channelOf(attempt = 1) {
  const written: TaskEvent[] = [];
  const writer = { add: (_: unknown, event: TaskEvent) => written.push(event) } as unknown as EventWriter;
  return { channel: new TaskChannel({ owner: 'o', id: 'i', attempt }, writer), written };
}

function opened(attempt: number, more: number) {
  const { channel, written } = channelOf(attempt);
  channel.open({});
  tell(channel, more);
  return { channel, written };
}

function tell(channel: TaskChannel, count: number): void {
  for (let i = 0; i < count; i += 1) channel.tell('x', { i });
}

const NOBODY = new AbortController().signal;

async function isSettled(promise: Promise<unknown>): Promise<boolean> {
  let settled = false;
  promise.then(
    () => (settled = true),
    () => (settled = true),
  );
  await new Promise((resolve) => setImmediate(resolve));
  return settled;
}

describe('what an attempt tells', () => {
  it('begins when it is opened, once, and ends when it is closed', async () => {
    const { channel, written } = channelOf();
    channel.tell('stage-start', {});
    expect([channel.told, await isSettled(channel.opened)]).toEqual([0, false]);
    channel.open({ first: true });
    channel.open({ first: false });
    channel.tell('x', {});
    channel.close();
    channel.tell('late', {});
    channel.open({});
    expect(written.map(({ sequence, type, data }) => [sequence, type, data])).toEqual([
      [1, 'task-start', '{"first":true}'],
      [2, 'x', '{}'],
    ]);
    expect([channel.told, await isSettled(channel.opened)]).toEqual([2, true]);
  });

  it('is told to those who listen, until they do not', () => {
    const { channel } = opened(1, 0);
    let heard = 0;
    const stop = channel.onTold(() => (heard += 1));
    tell(channel, 2);
    stop();
    tell(channel, 1);
    expect(heard).toBe(2);
  });

  it.each<[string, number, number, EventPosition | undefined, [first: number, count: number] | 'the log']>([
    ['all of it', 1, 9, undefined, [1, 10]],
    ['what comes later', 1, 9, { attempt: 1, sequence: 4 }, [5, 6]],
    ['nothing yet', 1, 9, { attempt: 1, sequence: 10 }, [0, 0]],
    ['nothing for a while', 1, 9, { attempt: 1, sequence: 4000 }, [0, 0]],
    ['what is kept no longer', 1, 999, { attempt: 1, sequence: 4 }, 'the log'],
    ['the latest', 1, 999, { attempt: 1, sequence: 800 }, [801, 200]],
    ['a former attempt', 2, 9, { attempt: 1, sequence: 4 }, 'the log'],
    ['former attempts from their beginning', 2, 9, undefined, 'the log'],
    ['all of a later attempt', 2, 9, { attempt: 2, sequence: 0 }, [1, 10]],
    ['what is told elsewhere', 1, 9, { attempt: 2, sequence: 3 }, 'the log'],
  ])('is had here or in the log: %s', (_, attempt, more, after, expected) => {
    const { channel } = opened(attempt, more);
    const events = channel.since(after);
    expect(events ? [events[0]?.sequence ?? 0, events.length] : 'the log').toEqual(expected);
  });

  it('is kept in bounds, however much it is, and the latest is always there', () => {
    const { channel } = opened(1, 0);
    for (let i = 0; i < 5000; i += 1) {
      tell(channel, 1);
      const kept = channel.rest(undefined).length;
      expect(kept).toBeLessThan(512);
      expect(kept).toBeGreaterThanOrEqual(Math.min(channel.told, 256));
    }
  });
});

describe('the pace of the work', () => {
  it('is its own where nobody sets it', async () => {
    const { channel } = opened(1, 1000);
    await channel.paced(NOBODY);
  });

  it('is that of its reader, in time and not before', async () => {
    const { channel } = opened(1, 0);
    const pacer = { taken: 0 };
    channel.keepPaceWith(pacer);
    tell(channel, MOST_AHEAD - 2);
    expect(await isSettled(channel.paced(NOBODY))).toBe(true);
    tell(channel, 1);
    const waiting = channel.paced(NOBODY);
    expect(await isSettled(waiting)).toBe(false);
    channel.hasRoom();
    expect(await isSettled(waiting)).toBe(false);
    pacer.taken = 1;
    channel.hasRoom();
    await waiting;
  });

  it('is that of the first of two readers, until it leaves, and then that of the other one', async () => {
    const { channel } = opened(1, 0);
    const [first, second] = [{ taken: 0 }, { taken: 0 }];
    const [leave, leaveSecond] = [channel.keepPaceWith(first), channel.keepPaceWith(second)];
    tell(channel, MOST_AHEAD);
    first.taken = 2;
    channel.hasRoom();
    await channel.paced(NOBODY);
    leave();
    const waiting = channel.paced(NOBODY);
    expect(await isSettled(waiting)).toBe(false);
    leave();
    expect(await isSettled(waiting)).toBe(false);
    leaveSecond();
    await waiting;
  });

  it('is held back by nobody who has let go, though another sets the pace', async () => {
    const { channel } = opened(1, 0);
    channel.keepPaceWith({ taken: Infinity });
    channel.keepPaceWith({ taken: 0 })();
    tell(channel, 2 * MOST_AHEAD);
    await channel.paced(NOBODY);
  });

  it('waits no longer than its signal, with its reason, and leaves no listener there', async () => {
    const { channel } = opened(1, MOST_AHEAD);
    const pacer = { taken: 0 };
    channel.keepPaceWith(pacer);
    const own = new AbortController();
    const waiting = channel.paced(own.signal);
    own.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    expectNoAbortListeners(own.signal);
    await expect(channel.paced(own.signal)).rejects.toThrow('enough');
    const other = new AbortController();
    const next = channel.paced(other.signal);
    pacer.taken = MOST_AHEAD;
    channel.hasRoom();
    await next;
    expectNoAbortListeners(other.signal);
  });
});
