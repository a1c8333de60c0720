import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, Gate } from '../../testing/index.js';
import { servedTask, TasksServer, type AnswerTasks } from '../../../test/support/tasks-server.js';
import { Cancelling } from './cancelling.js';
import type { StreamSlots } from './stream-slots.js';
import { TaskWatch } from './task-watch.js';
import type { Question, Surroundings } from './view.js';
import type { Task } from './wire.js';

/** What a page of tasks is drawn in: nobody has turned away from it. */
Object.assign(globalThis, { document: Object.assign(new EventTarget(), { hidden: false }) });

const SCOPED = { scopes: ['class:odd'] };

describe('a cancel from the page', () => {
  let server: TasksServer;
  let watch: TaskWatch;
  let cancelling: Cancelling;
  let asked: Question | undefined;
  let failures: unknown[];

  beforeEach(async () => {
    server = await TasksServer.start();
    [asked, failures] = [undefined, []];
  });
  afterEach(() => {
    watch.stop();
    server.stop();
  });

  /** Tasks that stay as they are, and what a cancel of several is answered with. */
  async function show(tasks: readonly Task[], cancelMany: AnswerTasks = () => 404): Promise<void> {
    const nothing = (): void => undefined;
    const { hangup } = server;
    server.answer = (request) => (request.what === 'GET ' ? { tasks } : cancelMany(request));
    const look = () => Promise.resolve(tasks);
    const slots = { take: () => Promise.resolve(undefined) } as unknown as StreamSlots;
    watch = new TaskWatch({ hangup, slots, look, changed: nothing, failed: nothing, reached: nothing });
    await eventually(() => watch.isReady);
    const around: Partial<Surroundings> = {
      hangup,
      subject: 'me',
      announce: nothing,
      fail: (error) => failures.push(error),
      confirm: (question) => {
        asked = question;
        return Promise.resolve('');
      },
    };
    cancelling = new Cancelling(around as Surroundings, watch);
  }

  const states = () => Object.fromEntries(watch.tasks.map(({ id, state }) => [id, state]));
  const sent = () => server.asked.at(-1)?.body;

  it('that fails leaves the tasks as they were', async () => {
    const gate = new Gate();
    await show([servedTask('a', 'running', 0, SCOPED), servedTask('b', 'queued', 1, SCOPED)], async () => {
      await gate.wait();
      return 403;
    });
    const over = cancelling.scope('class:odd');
    await gate.reached;
    expect(states()).toEqual({ a: 'cancelling', b: 'cancelling' });
    gate.open();
    await over;
    expect(states()).toEqual({ a: 'running', b: 'queued' });
    expect(failures).toHaveLength(1);
  });

  it('shows of each task what the answer says of it', async () => {
    const tasks = ['a', 'b', 'c', 'd'].map((id, place) => servedTask(id, 'running', place, SCOPED));
    const statuses = { a: 'cancelled', b: 'cancelling', c: 'not_found' };
    const answers = Object.entries(statuses).map(([task_id, status]) => ({ task_id, status, finished_at: null }));
    await show(tasks, () => ({ cancelled_count: 2, tasks: answers }));
    await cancelling.scope('class:odd');
    expect(states()).toEqual({ a: 'cancelled', b: 'cancelling', c: 'running', d: 'running' });
  });

  it('of a scope says to whoever sees those of others that it stops their own, and shows no other as told', async () => {
    const gate = new Gate();
    const tasks = ['me', 'other'].map((owner) => servedTask(owner, 'running', 0, { ...SCOPED, owner }));
    await show(tasks, async () => {
      await gate.wait();
      return { cancelled_count: 0, tasks: [] };
    });
    const over = cancelling.scope('class:odd');
    await gate.reached;
    expect(states()).toEqual({ me: 'cancelling', other: 'running' });
    expect(asked).toMatchObject({
      title: 'Cancel all of class:odd that is yours?',
      text: expect.stringContaining('Those of other users go on'),
    });
    gate.open();
    await over;
  });

  it('of all is one of all that is shown, and says so', async () => {
    const tasks = ['me', 'other', 'third'].map((owner, place) => servedTask(owner, 'running', place, { ...SCOPED, owner }));
    await show(tasks, () => ({ cancelled_count: 3, tasks: [] }));
    await cancelling.all({ kind: 'quiz_generation', scope: 'class:odd' });
    const { query } = server.asked.find(({ what }) => what === 'GET ')!;
    expect(Object.fromEntries(query)).toMatchObject({ state: 'queued,running', kind: 'quiz_generation', scope: 'class:odd' });
    expect(asked?.title).toBe('Cancel 3 quiz generation tasks of class:odd?');
    expect(asked?.text).toMatch(/^2 of them are other users’\. /);
    expect(sent()).toMatchObject({ ids: ['me', 'other', 'third'] });
  });

  it('of all says where it cannot be told what there is to stop', async () => {
    await show([servedTask('a', 'running')]);
    server.answer = () => 401;
    await cancelling.all({});
    expect(failures).toMatchObject([{ status: 401 }]);
    expect(asked).toBeUndefined();
  });
});
