import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { AbortContext } from '../../abort/index.js';
import { IDLE, type ServerEvent } from '../../sse/index.js';
import { eventually } from '../../testing/index.js';
import type { TaskKey, TaskRow } from '../task.js';
import { EventReader, type EventSource, type Wake } from './event-reader.js';
import type { EventWriter } from './event-writer.js';
import { TaskChannel } from './task-channel.js';
import { endOf, isAfter, type EventPosition, type TaskEvent } from './task-event.js';

const TASK: TaskKey = { owner: 'learner', id: randomUUID() };

/** Where the reader under test finds what is told: the channels are real, the log and the row are lists. */
class Scene implements EventSource {
  here?: TaskChannel;
  logged: TaskEvent[] = [];
  isLogDown = false;
  reads = 0;
  /** What is written goes into the log at once, unless it is lost on its way. */
  isLosing = false;
  current: Partial<TaskRow> | undefined = { attempt: 1, state: 'running', told: 0 };
  readonly wakers = new Set<(why: Wake) => void>();

  read(_: TaskKey, after: EventPosition | undefined, limit: number): Promise<readonly TaskEvent[] | undefined> {
    this.reads += 1;
    return Promise.resolve(this.isLogDown ? undefined : this.logged.filter((event) => isAfter(event, after)).slice(0, limit));
  }

  channel(): TaskChannel | undefined {
    return this.here;
  }

  row(): Promise<TaskRow | undefined> {
    return Promise.resolve(this.current as TaskRow | undefined);
  }

  end(row: TaskRow): Promise<TaskEvent> {
    return Promise.resolve({ ...endOf(row.attempt), type: 'task-end', data: '{}' });
  }

  snapshot(): Promise<object> {
    return Promise.resolve({ snapshot: true });
  }

  listen(_: TaskKey, wake: (why: Wake) => void): () => void {
    this.wakers.add(wake);
    return () => void this.wakers.delete(wake);
  }

  follow(): void {
    // Nobody elsewhere has to be told.
  }

  wake(why: Wake = 'told'): void {
    for (const wake of this.wakers) wake(why);
  }

  /** Work under a further attempt on this instance, which tells so many events after its first. */
  begin(attempt: number, more = 0): TaskChannel {
    const add = (_: TaskKey, event: TaskEvent): void => {
      if (!this.isLosing) this.logged.push(event);
    };
    const channel = new TaskChannel({ ...TASK, attempt }, { add } as unknown as EventWriter);
    this.here = channel;
    this.current = { attempt, state: 'running', told: 0 };
    channel.open({ attempt });
    tell(channel, more);
    return channel;
  }

  /** Work on another instance: it is told in the log alone. */
  beginElsewhere(attempt: number, more = 0): void {
    this.here = undefined;
    this.current = { attempt, state: 'running', told: 0 };
    for (let sequence = 1; sequence <= more + 1; sequence += 1) this.logged.push(eventOf(attempt, sequence));
  }

  finish(state: TaskRow['state'], told: number): void {
    this.here = undefined;
    this.current = { ...this.current, state, told };
    this.wake('ended');
  }

  /** As a log that keeps so many. */
  trim(kept: number): void {
    this.logged = this.logged.slice(-kept);
  }

  reader(after?: EventPosition, signal = new AbortController().signal): EventReader {
    return new EventReader(new AbortContext(), this, TASK, signal, after);
  }
}

function eventOf(attempt: number, sequence: number): TaskEvent {
  return { attempt, sequence, type: 'x', data: '{}' };
}

function tell(channel: TaskChannel, count: number): void {
  for (let i = 0; i < count; i += 1) channel.tell('x', {});
}

function at(id: string): EventPosition {
  const [attempt, sequence] = id.split('-').map(Number) as [number, number];
  return { attempt, sequence };
}

/** Ids, with the type of what is no ordinary event, until nothing more comes at once. */
async function heardOf(reader: EventReader, withinMs = 50): Promise<string[]> {
  const heard: string[] = [];
  for (;;) {
    const event = await reader.take(withinMs);
    if (event === undefined) return [...heard, 'over'];
    if (event === IDLE) return heard;
    heard.push(nameOf(event));
  }
}

function nameOf({ id, type }: ServerEvent): string {
  return type === 'gap' || type === 'task-end' ? `${id} ${type}` : String(id);
}

function ids(attempt: number, from: number, to: number): string[] {
  return Array.from({ length: to - from + 1 }, (_, i) => `${attempt}-${from + i}`);
}

describe('a reader of what a task tells', () => {
  it('gets all of it from the instance that works on it, without a look into the log, and its end', async () => {
    const scene = new Scene();
    const channel = scene.begin(1, 4);
    const reader = scene.reader();
    expect(await heardOf(reader)).toEqual(ids(1, 1, 5));
    tell(channel, 1);
    scene.finish('completed', 6);
    expect(await heardOf(reader)).toEqual(['1-6', '2-0 task-end', 'over']);
    expect(scene.reads).toBeLessThanOrEqual(1);
  });

  it('goes on where it was, far behind what is kept here, from the log', async () => {
    const scene = new Scene();
    scene.begin(1, 999);
    expect(await heardOf(scene.reader(at('1-3')))).toEqual(ids(1, 4, 1000));
  });

  it('is told what was trimmed as a gap, and misses nothing after it', async () => {
    const scene = new Scene();
    scene.begin(1, 999);
    scene.trim(600);
    expect(await heardOf(scene.reader(at('1-3')))).toEqual(['1-400 gap', ...ids(1, 401, 1000)]);
  });

  it('is told a hole in the middle of the log as a gap', async () => {
    const scene = new Scene();
    scene.beginElsewhere(1, 9);
    scene.logged.splice(4, 2);
    expect(await heardOf(scene.reader())).toEqual([...ids(1, 1, 4), '1-6 gap', ...ids(1, 7, 10)]);
  });

  it('is told what was lost at the end, once there is no more hope for it', async () => {
    const scene = new Scene();
    scene.beginElsewhere(1, 4);
    scene.finish('failed', 9);
    expect(await heardOf(scene.reader(at('1-2')), 5000)).toEqual([...ids(1, 3, 5), '1-9 gap', '2-0 task-end', 'over']);
  });

  it('gets what comes into the log late, and no gap', async () => {
    const scene = new Scene();
    scene.beginElsewhere(1, 4);
    scene.finish('completed', 6);
    const heard = heardOf(scene.reader(at('1-5')), 5000);
    await eventually(() => scene.reads > 0);
    scene.logged.push(eventOf(1, 6));
    scene.wake();
    expect(await heard).toEqual(['1-6', '2-0 task-end', 'over']);
  });

  it('just ends where the row has been forgotten', async () => {
    const scene = new Scene();
    scene.current = undefined;
    expect(await heardOf(scene.reader())).toEqual(['over']);
  });

  it('hears nothing again, and the end once, whatever it asks after', async () => {
    const scene = new Scene();
    scene.begin(1, 4);
    scene.finish('completed', 5);
    expect(await heardOf(scene.reader(at('1-5')))).toEqual(['2-0 task-end', 'over']);
    expect(await heardOf(scene.reader(at('1-999999999')))).toEqual(['2-0 task-end', 'over']);
    expect(await heardOf(scene.reader(at('2-0')))).toEqual(['over']);
    expect(await heardOf(scene.reader(at('999999999-0')))).toEqual(['over']);
  });

  it('of a task that waits in the queue waits too, and hears of a cancel there', async () => {
    const scene = new Scene();
    scene.current = { attempt: 0, state: 'queued', told: 0 };
    const reader = scene.reader();
    expect(await heardOf(reader)).toEqual([]);
    scene.finish('cancelled', 0);
    expect(await heardOf(reader)).toEqual(['1-0 task-end', 'over']);
  });
});

describe('a reader of a task that goes from one instance to another', () => {
  it('hears the next attempt, on the instance that has given the task up', async () => {
    const scene = new Scene();
    scene.begin(1, 4);
    const reader = scene.reader();
    expect(await heardOf(reader)).toEqual(ids(1, 1, 5));
    scene.beginElsewhere(2, 2);
    scene.wake('ended');
    expect(await heardOf(reader, 1500)).toEqual(ids(2, 1, 3));
    scene.finish('completed', 3);
    expect(await heardOf(reader, 1500)).toEqual(['3-0 task-end', 'over']);
  });

  it('hears the rest of the former attempt first, on the instance that has taken the task over', async () => {
    const scene = new Scene();
    scene.beginElsewhere(1, 9);
    scene.begin(2, 2);
    expect(await heardOf(scene.reader(at('1-4')))).toEqual([...ids(1, 5, 10), ...ids(2, 1, 3)]);
    expect(await heardOf(scene.reader(at('1-10')))).toEqual(ids(2, 1, 3));
    expect(await heardOf(scene.reader())).toEqual([...ids(1, 1, 10), ...ids(2, 1, 3)]);
  });

  it.each([
    ['from the beginning', undefined],
    ['in the middle of the former attempt', at('1-4')],
    ['of what nobody ever told', at('1-77')],
  ])('is told that the rest of a former attempt is kept no longer: one that asks for it %s', async (_, after) => {
    for (const where of ['here', 'elsewhere']) {
      const scene = new Scene();
      scene.beginElsewhere(1, 9);
      if (where === 'here') scene.begin(2, 2);
      else scene.beginElsewhere(2, 2);
      scene.trim(3);
      expect([where, await heardOf(scene.reader(after))]).toEqual([where, ['2-0 gap', ...ids(2, 1, 3)]]);
    }
  });

  it('that has heard the gap is not told of it twice', async () => {
    const scene = new Scene();
    scene.beginElsewhere(2, 2);
    expect(await heardOf(scene.reader(at('2-0')))).toEqual(ids(2, 1, 3));
  });
});

describe('a reader where the work is', () => {
  it('looks at the row as soon as nobody works on it here, though nobody has told its end', async () => {
    const scene = new Scene();
    const channel = scene.begin(1);
    const reader = scene.reader();
    expect(await heardOf(reader)).toEqual(['1-1']);
    const waiting = reader.take(60_000);
    await new Promise((resolve) => setImmediate(resolve));
    scene.here = undefined;
    scene.current = { ...scene.current, state: 'failed', told: 1 };
    channel.finish();
    expect(await waiting).toMatchObject({ type: 'task-end' });
  });
});

describe('a reader that lets go', () => {
  it('ends what it waits for, leaves nobody to be woken, and rejects nothing', async () => {
    const scene = new Scene();
    scene.begin(1);
    const reader = scene.reader(at('1-1'));
    const waiting = reader.take(60_000);
    await eventually(() => scene.wakers.size === 1);
    reader.leave();
    expect([await waiting, await reader.take(60_000), scene.wakers.size]).toEqual([undefined, undefined, 0]);
  });

  it('listens to no work that begins after it has left', async () => {
    const scene = new Scene();
    scene.begin(1);
    const reader = scene.reader();
    await heardOf(reader);
    const seen = new Set<() => void>();
    const next = scene.begin(2);
    next.onTold = (listener) => {
      seen.add(listener);
      return () => seen.delete(listener);
    };
    reader.setPace();
    expect(seen.size).toBe(1);
    reader.leave();
    reader.setPace();
    expect(seen.size).toBe(0);
  });

  it('rejects with the reason of its signal while it waits', async () => {
    const scene = new Scene();
    scene.begin(1);
    const client = new AbortController();
    const waiting = scene.reader(at('1-1'), client.signal).take(60_000);
    client.abort(new Error('gone'));
    await expect(waiting).rejects.toThrow('gone');
  });
});

describe('work that keeps pace with its reader', () => {
  const MOST_AHEAD = 16;

  async function paced(channel: TaskChannel): Promise<'waits' | 'goes on'> {
    const done = channel.paced(new AbortController().signal).then(() => 'goes on' as const);
    return await Promise.race([done, new Promise<'waits'>((resolve) => setTimeout(() => resolve('waits'), 20))]);
  }

  it('waits for it, and goes on when it has read, or has left', async () => {
    const scene = new Scene();
    const channel = scene.begin(1);
    const reader = scene.reader();
    reader.setPace();
    tell(channel, MOST_AHEAD);
    expect(await paced(channel)).toBe('waits');
    await reader.take(10);
    await reader.take(10);
    expect(await paced(channel)).toBe('goes on');
    tell(channel, MOST_AHEAD);
    const waiting = channel.paced(new AbortController().signal);
    reader.leave();
    await waiting;
  });

  it.each(['1-1', '1-100', '1-5000', '7-0'])('does not wait for one that says it has heard %s already', async (id) => {
    const scene = new Scene();
    const channel = scene.begin(1, 100);
    const reader = scene.reader(at(id));
    reader.setPace();
    await heardOf(reader);
    for (let i = 0; i < 2 * MOST_AHEAD; i += 1) {
      tell(channel, 1);
      await heardOf(reader, 0);
    }
    expect(await paced(channel)).toBe('goes on');
    reader.leave();
  });

  it('does not wait for one that has left in the turn in which it was to set the pace', async () => {
    const scene = new Scene();
    const channel = scene.begin(1);
    const reader = scene.reader();
    reader.leave();
    reader.setPace();
    tell(channel, 2 * MOST_AHEAD);
    await new Promise((resolve) => setImmediate(resolve));
    expect(await paced(channel)).toBe('goes on');
  });

  it('does not wait for one behind a gap', async () => {
    const scene = new Scene();
    const channel = scene.begin(1, 999);
    scene.trim(300);
    const reader = scene.reader(at('1-2'));
    reader.setPace();
    await heardOf(reader);
    expect(await paced(channel)).toBe('goes on');
    reader.leave();
  });
});

describe('a reader whose log is out of reach', () => {
  it('waits for it, and gets everything when it is back', async () => {
    const scene = new Scene();
    scene.beginElsewhere(1, 4);
    scene.isLogDown = true;
    const reader = scene.reader();
    expect(await heardOf(reader)).toEqual([]);
    scene.isLogDown = false;
    expect(await heardOf(reader, 1500)).toEqual(ids(1, 1, 5));
    reader.leave();
  });

  it('is told of the end all the same, and that it has missed something', async () => {
    const scene = new Scene();
    scene.beginElsewhere(1, 4);
    scene.isLogDown = true;
    scene.finish('completed', 5);
    expect(await heardOf(scene.reader(), 5000)).toEqual(['1-5 gap', '2-0 task-end', 'over']);
  });

  it('waits for it too where it is far behind the work here: no gap is told that is none', async () => {
    const scene = new Scene();
    scene.begin(1, 999);
    scene.isLogDown = true;
    const reader = scene.reader(at('1-3'));
    expect(await heardOf(reader)).toEqual([]);
    scene.isLogDown = false;
    expect(await heardOf(reader, 1500)).toEqual(ids(1, 4, 1000));
    reader.leave();
  });
});
