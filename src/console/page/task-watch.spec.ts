import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, Gate } from '../../testing/index.js';
import { servedTask, TasksServer } from '../../../test/support/tasks-server.js';
import { MOST_AT_ONCE } from './few-at-once.js';
import { MOST_STREAMS } from './stream-choice.js';
import type { StreamSlots } from './stream-slots.js';
import { MOST_WATCHED, TaskWatch, type Watching } from './task-watch.js';
import type { Task } from './wire.js';

/** What a page of tasks is drawn in: nobody has turned away from it. */
Object.assign(globalThis, { document: Object.assign(new EventTarget(), { hidden: false }) });

describe('the watch over tasks', () => {
  let server: TasksServer;
  let found: readonly Task[];
  let watch: TaskWatch;

  beforeEach(async () => void (server = await TasksServer.start()));
  afterEach(() => {
    watch.stop();
    server.stop();
  });

  /** What `found` has is found; no stream is open but where there are slots. */
  async function begin(first: readonly Task[], over: Partial<Watching> = {}): Promise<void> {
    found = first;
    const nothing = (): void => undefined;
    const slots = { take: () => Promise.resolve(undefined) } as unknown as StreamSlots;
    const look = () => Promise.resolve(found);
    watch = new TaskWatch({ hangup: server.hangup, slots, look, changed: nothing, failed: nothing, reached: nothing, ...over });
    await eventually(() => watch.isReady);
  }

  async function find(next: readonly Task[]): Promise<void> {
    found = next;
    await watch.look();
  }

  const stateOf = (id: string) => watch.tasks.find((task) => task.id === id)?.state;

  it('asks about what is not found any more, a few at once and each once at a time', async () => {
    const gate = new Gate();
    server.answer = async ({ what }) => {
      await gate.wait();
      return servedTask(what.slice('GET /'.length), 'completed');
    };
    await begin(Array.from({ length: 6 }, (_, n) => servedTask(`t${n}`, 'running', n)));
    await find([]);
    await find([]);
    await eventually(() => server.asked.length === MOST_AT_ONCE);
    await find([]);
    gate.open();
    await eventually(() => watch.tasks.every(({ state }) => state === 'completed'));
    expect(server.requests.toSorted()).toEqual(['GET /t0', 'GET /t1', 'GET /t2', 'GET /t3', 'GET /t4', 'GET /t5']);
  });

  it('takes no end back for an answer that was asked for before it', async () => {
    const gate = new Gate();
    server.answer = async () => {
      await gate.wait();
      return servedTask('late', 'running');
    };
    let changes = 0;
    await begin([servedTask('late', 'running')], { changed: () => (changes += 1) });
    await find([]);
    await gate.reached;
    watch.update('late', { state: 'cancelled' });
    const before = changes;
    gate.open();
    await eventually(() => changes > before);
    expect(stateOf('late')).toBe('cancelled');
  });

  it('does not grow for ever: what has ended goes where the list ends, and stays with those who asked for older ones', async () => {
    const ended = (from: number) => Array.from({ length: MOST_WATCHED }, (_, n) => servedTask(`t${from + n}`, 'completed', from + n));
    await begin([...ended(0), servedTask('old', 'running')]);
    server.answer = () => servedTask('old', 'running');
    await find(ended(1000));
    expect(watch.tasks).toHaveLength(MOST_WATCHED + 1);
    expect(stateOf('old')).toBe('running');
    watch.extend(ended(0));
    await find(ended(2000));
    expect(watch.tasks).toHaveLength(3 * MOST_WATCHED + 1);
  });

  it('goes on to others where a slot cannot be had', async () => {
    let tries = 0;
    const take = () => Promise.reject(new Error(`No locks: ${(tries += 1)}.`));
    const tasks = Array.from({ length: MOST_STREAMS + 2 }, (_, n) => servedTask(`t${n}`, 'running', n));
    await begin(tasks, { slots: { take } as unknown as StreamSlots });
    await find(tasks);
    await eventually(() => tries === tasks.length);
  });
});
