import { describe, expect, it } from '@jest/globals';
import { isTerminal, next, statesThatAccept, TASK_EVENTS, TASK_STATES, type TaskEvent, type TaskState } from './task-state.js';

/** Every state against every event; a dash is a refusal. */
const TABLE = `
             start    complete   fail    cancel      stop       requeue  lose
  queued     running  -          -       cancelled   -          -        -
  running    -        completed  failed  cancelling  -          queued   failed
  cancelling -        -          failed  -           cancelled  -        cancelled
  completed  -        -          -       -           -          -        -
  failed     -        -          -       -           -          -        -
  cancelled  -        -          -       -           -          -        -
`;

const [events = [], ...rows] = TABLE.trim()
  .split('\n')
  .map((line) => line.trim().split(/\s+/));
const CASES = rows.flatMap(([state, ...afters]) => events.map((event, i) => [state, event, afters[i]] as [TaskState, TaskEvent, string]));

describe('the states of a task', () => {
  it('are written down here against every event', () => {
    expect(rows.map(([state]) => state)).toEqual(TASK_STATES);
    expect(events).toEqual(TASK_EVENTS);
  });

  it.each(CASES)('%s on %s: %s', (state, event, after) => {
    expect(next(state, event) ?? '-').toBe(after);
    expect(statesThatAccept(event).includes(state)).toBe(after !== '-');
  });

  it('end in three that nothing leaves', () => {
    expect(TASK_STATES.filter(isTerminal)).toEqual(['completed', 'failed', 'cancelled']);
  });
});
