import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { AbortContext, ClientDisconnectedError } from '../abort/index.js';
import { abortListenersOf } from '../testing/index.js';
import { Attachments } from './attachments.service.js';
import { CancelBus, type BusMessage } from './bus/index.js';
import { EventWriter, TaskChannel, type EventLog } from './events/index.js';
import type { GracesRepository } from './graces.repository.js';
import { LiveTask, LiveTasks } from './live-tasks.js';
import type { TaskRow } from './task.js';

const CLAIM = { owner: 'learner', id: 'f3b1c9c2-43a5-4b0f-9d3c-0c4f1a5f0001', attempt: 1 };

/** The bus and the tasks of one instance; what would be written to rows is counted. */
function instance() {
  const context = new AbortContext();
  const bus = new CancelBus('in-process');
  const said: BusMessage[] = [];
  bus.subscribe((message) => said.push(message));
  const written: string[] = [];
  const write = (what: string) => () => Promise.resolve(void written.push(what));
  const graces = { renew: write('renew'), leave: write('leave') } as unknown as GracesRepository;
  const live = new LiveTasks();
  return { attachments: new Attachments(context, bus, live, graces), live, said, written, context };
}

function rowOf(over: Partial<TaskRow> = {}): TaskRow {
  return { ...CLAIM, on_disconnect: 'grace', grace_ms: 60_000, ...over } as TaskRow;
}

function liveTask(context: AbortContext): LiveTask {
  const channel = new TaskChannel(CLAIM, new EventWriter({} as EventLog, context));
  return new LiveTask({ claim: CLAIM, kind: 'x', inputHash: '', calls: [] }, { leaseMs: 60_000, abort: () => undefined, channel });
}

describe('a client that waits for a task', () => {
  beforeEach(() => void jest.useFakeTimers());
  afterEach(() => void jest.useRealTimers());

  it('where the task is worked on counts there, and nobody else is told', () => {
    const { attachments, live, said, context } = instance();
    const task = liveTask(context);
    live.add(task);
    task.setWritten();
    const attachment = attachments.attach(rowOf(), new AbortController().signal);
    expect([task.waiting, said]).toEqual([1, []]);
    attachment.end();
    expect(task.waiting).toBe(0);
  });

  it('is not counted by a request of the same id here that has not turned out to be the task', () => {
    const { attachments, live, said, context } = instance();
    const other = liveTask(context);
    live.add(other);
    const attachment = attachments.attach(rowOf(), new AbortController().signal);
    expect([other.waiting, said.map(({ type }) => type)]).toEqual([0, ['attached']]);
    attachment.end();
  });

  it.each([1, 50, 60_000])(
    'says so on other instances often enough for a grace of %d ms, and not more often than that',
    async (grace_ms) => {
      const { attachments, said, written } = instance();
      const attachment = attachments.attach(rowOf({ grace_ms }), new AbortController().signal);
      await jest.advanceTimersByTimeAsync(10_000);
      for (const count of [said.length, written.length]) {
        expect(count).toBeGreaterThanOrEqual(10);
        expect(count).toBeLessThanOrEqual(101);
      }
      attachment.end();
    },
  );

  it.each(['end', 'abort'])('says that it has gone once, and leaves nothing behind: %s', async (how) => {
    const { attachments, said, written } = instance();
    const client = new AbortController();
    const attachment = attachments.attach(rowOf(), client.signal);
    await jest.advanceTimersByTimeAsync(0);
    if (how === 'end') attachment.end();
    else client.abort(new ClientDisconnectedError());
    attachment.end();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(said.map((message) => message.type === 'attached' && message.forMs)).toEqual([3000, 0]);
    expect(written).toEqual(['renew', 'leave']);
    expect([jest.getTimerCount(), abortListenersOf(client.signal).length]).toEqual([0, 0]);
  });

  it('and has gone before it could say so is no wait', async () => {
    const { attachments, said } = instance();
    attachments.attach(rowOf(), AbortSignal.abort(new ClientDisconnectedError()));
    await jest.advanceTimersByTimeAsync(10_000);
    expect([said.filter((message) => message.type === 'attached' && message.forMs > 0), jest.getTimerCount()]).toEqual([[], 0]);
  });

  it('without a grace leaves the row alone', async () => {
    const { attachments, written } = instance();
    const attachment = attachments.attach(rowOf({ on_disconnect: 'cancel', grace_ms: null }), new AbortController().signal);
    await jest.advanceTimersByTimeAsync(5000);
    attachment.end();
    await jest.advanceTimersByTimeAsync(0);
    expect(written).toEqual([]);
  });
});
