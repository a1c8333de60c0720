import { describe, expect, it } from '@jest/globals';
import { chooseStreams, MOST_STREAMS } from './stream-choice.js';
import type { Task, TaskState } from './wire.js';

const NONE: ReadonlySet<string> = new Set();

/** Later ones are newer. */
function tasks(...states: TaskState[]): Task[] {
  return states.map((state, n) => ({ id: `t${n}`, state, created_at: `2026-11-27T08:00:0${n}.000Z` }) as Task);
}

describe('which tasks are listened to', () => {
  it('takes the newest that run, and never more than there may be', () => {
    expect(chooseStreams(tasks('running', 'running', 'running', 'running', 'running'), NONE, NONE)).toEqual(['t4', 't3', 't2']);
    expect(MOST_STREAMS).toBe(3);
  });

  it('stays with those that it listens to, when newer ones come', () => {
    expect(chooseStreams(tasks('running', 'running', 'running', 'running'), new Set(['t0', 't1']), NONE)).toEqual(['t1', 't0', 't3']);
  });

  it('lets what waits come after what runs, and leaves out what has ended or cannot be heard', () => {
    expect(chooseStreams(tasks('running', 'queued', 'completed', 'running'), NONE, new Set(['t3']))).toEqual(['t0', 't1']);
  });

  it('hears what is told to stop to its end, but begins with none of these', () => {
    expect(chooseStreams(tasks('cancelling', 'cancelling'), new Set(['t1']), NONE)).toEqual(['t1']);
  });
});
