import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../testing/index.js';
import { buttonOf } from '../../../test/support/drawn.js';
import { servedTask, TasksServer } from '../../../test/support/tasks-server.js';
import { StreamSlots } from './stream-slots.js';
import { TasksView } from './tasks-view.js';
import type { Question, Surroundings } from './view.js';

/** What a page of tasks is drawn in: nobody has turned away from it. */
Object.assign(globalThis, { document: Object.assign(new EventTarget(), { hidden: false }) });

describe('the view of tasks', () => {
  let server: TasksServer;
  let view: TasksView;
  let asked: Question | undefined;

  beforeEach(async () => {
    server = await TasksServer.start();
    const nothing = (): void => undefined;
    const around: Partial<Surroundings> = {
      hangup: server.hangup,
      redraw: nothing,
      reached: nothing,
      announce: nothing,
      confirm: (question) => {
        asked = question;
        return Promise.resolve('');
      },
    };
    server.answer = ({ what }) => {
      if (what === 'GET ') return { tasks: [servedTask('a', 'running')] };
      return what === 'POST /cancel' ? { cancelled_count: 1, tasks: [{ task_id: 'a', status: 'cancelling' }] } : 404;
    };
    const route = { name: 'tasks', state: 'all', kind: 'quiz_generation', scope: 'book:1' } as const;
    view = new TasksView(around as Surroundings, new StreamSlots(null), route);
  });
  afterEach(() => {
    view.leave();
    server.stop();
  });

  const cancelAll = () => buttonOf(view.draw(), 'Cancel all…');

  it('stops all of what it shows, and offers that where there is something to stop', async () => {
    expect(cancelAll()?.isDisabled).toBe(true);
    await eventually(() => cancelAll()?.isDisabled === false);
    cancelAll()?.click();
    await eventually(() => server.requests.includes('POST /cancel'));
    expect(asked?.title).toBe('Cancel 1 quiz generation task of book:1?');
    const lists = server.asked.map(({ query }) => Object.fromEntries(query));
    expect(lists).toContainEqual({ limit: '100', state: 'queued,running', kind: 'quiz_generation', scope: 'book:1' });
    await eventually(() => cancelAll()?.isDisabled === true);
  });
});
