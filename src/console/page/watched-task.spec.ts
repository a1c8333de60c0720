import { describe, expect, it } from '@jest/globals';
import type { AnyTaskEvent } from '../../client/index.js';
import { changeBy, merge, newest, type WatchedTask } from './watched-task.js';
import type { TaskState } from './wire.js';

function task(id: string, state: TaskState, second: number, over: Partial<WatchedTask> = {}): WatchedTask {
  return { id, state, created_at: `2026-11-27T08:00:0${second}.000Z`, ...over } as WatchedTask;
}

const event = (type: string, data: object) => ({ id: '1-1', type, data }) as unknown as AnyTaskEvent;

describe('what is known of tasks', () => {
  it('is what was found, newest first, with what only streams tell', () => {
    const known = [task('a', 'running', 1, { questions: 2 })];
    expect(merge(known, [task('b', 'queued', 2), task('a', 'running', 1, { stage: 'save_quiz' })])).toMatchObject([
      { id: 'b', state: 'queued' },
      { id: 'a', questions: 2, stage: 'save_quiz' },
    ]);
  });

  it.each([
    ['cancelled', 'running', 'cancelled'],
    ['completed', 'cancelling', 'completed'],
    ['cancelling', 'running', 'cancelling'],
    ['cancelling', 'queued', 'cancelling'],
    ['cancelling', 'completed', 'completed'],
    ['running', 'cancelling', 'cancelling'],
  ] as const)('of a task that is %s and is found %s: %s', (known, found, then) => {
    expect(merge([task('a', known, 1)], [task('a', found, 1)])).toMatchObject([{ state: then }]);
  });

  it('keeps what is not found any more', () => {
    expect(merge([task('a', 'running', 1)], [])).toHaveLength(1);
  });

  it('ends where the list does, but for what lives', () => {
    const known = [task('d', 'running', 4), task('c', 'completed', 3), task('b', 'running', 2), task('a', 'failed', 1)];
    expect(newest(known, 1).map(({ id }) => id)).toEqual(['d', 'b']);
    expect(newest(known, 4)).toEqual(known);
  });

  it('grows with what a stream tells, and begins anew where the stream does', () => {
    const running = task('a', 'running', 1, { questions: 3 });
    expect(changeBy(event('stage-start', { stage: 'save_quiz' }), running)).toEqual({ stage: 'save_quiz' });
    expect(changeBy(event('question', {}), running)).toEqual({ questions: 4 });
    expect(changeBy(event('evaluation', { rejected: [{}, {}] }), running)).toEqual({ questions: 1 });
    expect(changeBy(event('task-start', {}), running)).toEqual({ questions: undefined });
    expect(changeBy(event('task-start', {}), task('a', 'queued', 1))).toEqual({ questions: undefined, state: 'running' });
    expect(changeBy(event('text-delta', { text: 'x' }), running)).toEqual({});
  });
});
