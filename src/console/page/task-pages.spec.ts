import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { servedTask, TasksServer } from '../../../test/support/tasks-server.js';
import { TaskPages } from './task-pages.js';
import type { TaskFilter } from './route.js';

describe('the tasks that are shown', () => {
  let server: TasksServer;

  beforeEach(async () => {
    server = await TasksServer.start();
    const [done, old] = [servedTask('done', 'completed', 2), servedTask('old', 'running', 1)];
    server.answer = ({ query }) => {
      if (query.get('limit') === '100') return { tasks: [old] };
      return query.has('cursor') ? { tasks: [old] } : { tasks: [done], next_cursor: 'next' };
    };
  });
  afterEach(() => server.stop());

  const pages = (state: TaskFilter) => new TaskPages(server.hangup, { name: 'tasks', state, kind: 'analysis', scope: 'project:5' }, 1);
  const { signal } = new AbortController();

  it('have all that runs among them, also what is older than the first page, and of what is asked for alone', async () => {
    expect((await pages('all').newest(signal)).map(({ id }) => id)).toEqual(['done', 'old']);
    const [, live] = server.asked.map(({ query }) => Object.fromEntries(query));
    expect(live).toEqual({ state: 'queued,running,cancelling', kind: 'analysis', scope: 'project:5', limit: '100' });
  });

  it('are asked for once where nothing that runs is asked for', async () => {
    expect(await pages('completed').newest(signal)).toHaveLength(1);
    expect(server.asked).toHaveLength(1);
  });

  it('have older ones, page by page, until there are no more', async () => {
    const all = pages('all');
    await all.newest(signal);
    expect(all.hasMore).toBe(true);
    expect((await all.older()).map(({ id }) => id)).toEqual(['old']);
    await all.newest(signal);
    expect(all.hasMore).toBe(false);
  });
});
