import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually, Gate } from '../../testing/index.js';
import { buttonOf } from '../../../test/support/drawn.js';
import { servedTask, TasksServer } from '../../../test/support/tasks-server.js';
import { StreamSlots } from './stream-slots.js';
import { TaskDetailView } from './task-view.js';
import type { Surroundings } from './view.js';
import type { Route } from './route.js';

/** What a page of tasks is drawn in: nobody has turned away from it. */
Object.assign(globalThis, { document: Object.assign(new EventTarget(), { hidden: false }) });

const STOPPED = servedTask('job', 'cancelled', 0, {
  kind: 'analysis',
  stage: null,
  progress: { done: 1, total: 3, item: null, seconds_left: null },
  usage: { prompt_tokens: 0, completion_tokens: 0, estimated: false, cost_usd: 0 },
  cancel: null,
  receipt: null,
  error: null,
  started_at: null,
  finished_at: null,
  resumed_from: null,
});

describe('the page of a task that was left', () => {
  let server: TasksServer;
  let view: TaskDetailView;
  let gate: Gate;
  let failures: unknown[];
  let routes: Route[];

  beforeEach(async () => {
    server = await TasksServer.start();
    [gate, failures, routes] = [new Gate(), [], []];
  });
  afterEach(() => {
    view.leave();
    server.stop();
  });

  /** One of whose answers waits for the gate. */
  async function open(held: string, answer: object | number): Promise<void> {
    server.answer = async ({ what }) => {
      if (what !== held) return what === 'GET /job' ? STOPPED : { partial: true, result: null };
      await gate.wait();
      return answer;
    };
    const nothing = (): void => undefined;
    const around: Partial<Surroundings> = {
      hangup: server.hangup,
      redraw: nothing,
      reached: nothing,
      fail: (error) => failures.push(error),
      go: (route) => routes.push(route),
    };
    view = new TaskDetailView(around as Surroundings, new StreamSlots(null), 'job');
    await eventually(() => server.requests.includes('GET /job/result'));
  }

  it('asks no longer what came of it', async () => {
    await open('GET /job/result', 403);
    await gate.reached;
    view.leave();
    await eventually(() => server.cut.includes('GET /job/result'));
    expect(failures).toEqual([]);
  });

  it.each([
    ['goes nowhere', { task_id: 'next', resumed_from: 'job' }],
    ['complains of nothing', 403],
  ])('%s when a job is gone on with that was asked for there', async (_, answer) => {
    await open('POST /job/resume', answer);
    const over = buttonOf(view.draw(), 'Resume')?.click();
    await gate.reached;
    view.leave();
    gate.open();
    await over;
    expect([routes, failures]).toEqual([[], []]);
  });

  it('leads to the job that goes on, while it is looked at', async () => {
    gate.open();
    await open('POST /job/resume', { task_id: 'next', resumed_from: 'job' });
    await buttonOf(view.draw(), 'Resume')?.click();
    expect(routes).toEqual([{ name: 'task', id: 'next' }]);
  });
});
