import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { LiveTasks, Sweep, type TaskView } from '../../src/tasks/index.js';
import { AbortContext } from '../../src/abort/index.js';
import { eventually, Gate, type SocketClient } from '../../src/testing/index.js';
import { backends, type Backend } from '../support/backends.js';
import { rowsOf } from '../support/rows.js';
import { answerOf, newId, TaskClient } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

describe.each(backends)('the history of tasks, on %s', (backend: Backend) => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ backend });
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(() => app.close());

  async function learner(name = newId()): Promise<TaskClient> {
    return new TaskClient(await app.client(name));
  }

  async function statusOf(client: SocketClient, path: string, method = 'GET'): Promise<[number, unknown]> {
    const { status, json } = await answerOf(client.call({ method, path }));
    return [status, json<{ code: string }>().code];
  }

  it('has the completed, the failed and the cancelled ones, newest first, with times, usage and what became of them', async () => {
    const ada = await learner();
    const [completed, failed, cancelled, left] = [newId(), newId(), newId(), newId()];
    await answerOf(ada.quiz(completed));
    app.model.script('quiz_evaluation', { status: 400, body: { error: { message: 'no' } } }, { times: 1 });
    await answerOf(ada.quiz(failed));
    app.model.script('quiz', { holdAfter: 5, gate: new Gate() });
    const stopped = ada.quiz(cancelled);
    await app.model.sent(await app.model.called('quiz', 3), 5);
    await ada.cancel(cancelled, { reason: 'enough' });
    await stopped.answer;
    const hungUp = ada.quiz(left);
    await app.model.sent(await app.model.called('quiz', 4), 5);
    await hungUp.hangUp();
    await eventually(async () => (await ada.task(left)).state === 'cancelled');
    const { tasks } = await ada.tasks();
    expect(tasks.map(({ id, state, cancel, error }) => [id, state, cancel?.cause, error?.code])).toEqual([
      [left, 'cancelled', 'client_disconnect', undefined],
      [cancelled, 'cancelled', 'user', undefined],
      [failed, 'failed', undefined, 'upstream_error'],
      [completed, 'completed', undefined, undefined],
    ]);
    for (const task of tasks) {
      expect(task).toMatchObject({ kind: 'quiz_generation', started_at: expect.any(String), finished_at: expect.any(String) });
      expect(task.usage.prompt_tokens).toBeGreaterThan(0);
      expect(task.usage.cost_usd).toBeGreaterThan(0);
      expect(Date.parse(task.finished_at ?? '')).toBeGreaterThanOrEqual(Date.parse(task.created_at));
    }
    expect(tasks.map(({ usage }) => usage.estimated)).toEqual([true, true, true, false]);
    expect(tasks.map(({ receipt }) => receipt?.calls_avoided)).toEqual([1, 1, undefined, undefined]);
    const filtered = async (query: string): Promise<string[]> => (await ada.tasks(query)).tasks.map(({ id }) => id);
    expect(await filtered('?state=failed')).toEqual([failed]);
    expect(await filtered('?state=failed,completed')).toEqual([failed, completed]);
    expect(await filtered('?kind=answer_validation')).toEqual([]);
    expect(await filtered('?scope=book:1&state=completed')).toEqual([completed]);
    expect(await filtered('?scope=book:2')).toEqual([]);
  });

  it('comes in pages that lose none and double none', async () => {
    const ada = await learner();
    const ids: string[] = [];
    for (let i = 0; i < 5; i += 1) {
      const id = newId();
      await ada.cancel(id, { pending: true });
      ids.unshift(id);
    }
    const seen: string[] = [];
    let cursor: string | undefined;
    do {
      const page: { tasks: TaskView[]; next_cursor?: string } = await ada.tasks(`?limit=2${cursor ? `&cursor=${cursor}` : ''}`);
      seen.push(...page.tasks.map(({ id }) => id));
      cursor = page.next_cursor;
    } while (cursor);
    expect(seen.toSorted()).toEqual(ids.toSorted());
    expect(await statusOf(ada.client, '/api/tasks?cursor=nonsense')).toEqual([400, 'validation_failed']);
    expect(await statusOf(ada.client, '/api/tasks?state=sleeping')).toEqual([400, 'validation_failed']);
  });

  it('is one’s own: somebody else’s task answers as an unknown one on every route', async () => {
    const [ada, eve] = [await learner(), await learner()];
    const id = newId();
    await answerOf(ada.quiz(id));
    const routes: [string, string][] = [
      ['GET', ''],
      ['GET', '/result'],
      ['GET', '/events'],
      ['POST', '/cancel'],
    ];
    for (const [method, route] of routes) {
      expect([route, ...(await statusOf(eve.client, `/api/tasks/${id}${route}`, method))]).toEqual([route, 404, 'task_not_found']);
      expect(await statusOf(eve.client, `/api/tasks/${newId()}${route}`, method)).toEqual([404, 'task_not_found']);
    }
    expect(await eve.tasks()).toEqual({ tasks: [] });
    expect((await ada.task(id)).state).toBe('completed');
  });

  it('shows an administrator everybody’s, with their owner and instance, who can cancel them too', async () => {
    const name = newId();
    const ada = await learner(name);
    const admin = new TaskClient(await app.client('root', { scope: 'hangup:admin' }));
    app.model.script('quiz', { holdAfter: 5, gate: new Gate() });
    const id = newId();
    const call = ada.quiz(id);
    await app.model.sent(await app.model.called('quiz'), 5);
    const { tasks } = await admin.tasks('?state=running');
    expect(tasks).toEqual([expect.objectContaining({ id, owner: name, instance: expect.any(String) })]);
    expect(await admin.cancelled(id, { reason: 'maintenance' })).toMatchObject({ status: 'cancelled', reason: 'maintenance' });
    expect((await call.answer)?.status).toBe(409);
    expect((await ada.task(id)).cancel).toMatchObject({ by: 'root' });
    expect(await ada.task(id)).not.toHaveProperty('owner');
  });

  it('gives the result of a completed task again, and says of any other that it is partial', async () => {
    const ada = await learner();
    const [done, stopped] = [newId(), newId()];
    const answer = await answerOf(ada.quiz(done));
    await ada.cancel(stopped, { pending: true });
    const result = async (id: string) => (await answerOf(ada.client.get(`/api/tasks/${id}/result`))).json();
    expect(await result(done)).toEqual({ task_id: done, state: 'completed', partial: false, result: answer.json() });
    expect(await result(stopped)).toEqual({ task_id: stopped, state: 'cancelled', partial: true, result: null });
  });

  it('tells live what happens until the end, and then closes the stream', async () => {
    const ada = await learner();
    const id = newId();
    app.model.script('quiz', { holdAfter: 5, gate: new Gate() });
    const call = ada.quiz(id);
    await app.model.sent(await app.model.called('quiz'), 5);
    const events = ada.client.get(`/api/tasks/${id}/events`);
    await eventually(async () => (await ada.task(id)).state === 'running');
    await ada.cancel(id);
    await call.answer;
    const stream = await answerOf(events);
    expect(stream.headers['content-type']).toMatch(/^text\/event-stream/);
    const names = [...stream.text.matchAll(/^event: (.*)$/gm)].map(([, name]) => name);
    expect(names.at(-1)).toBe('task-end');
    const last = JSON.parse([...stream.text.matchAll(/^data: (.*)$/gm)].at(-1)?.[1] ?? '') as object;
    const { cancel, receipt, usage } = await ada.task(id);
    expect(last).toMatchObject({ task_id: id, state: 'cancelled', cause: cancel?.cause, receipt, usage });
  });

  it('is forgotten in time, in batches, and the marks with it', async () => {
    const ada = await learner();
    const [old, recent] = [newId(), newId()];
    for (const id of [old, recent]) await ada.cancel(id, { pending: true });
    await ada.cancelProject('9');
    await rowsOf(app, `update tasks set finished_at = now() - interval '31 days' where id = '${old}'`);
    await rowsOf(app, `update cancel_marks set expires_at = now() - interval '1 second'`);
    await app.app.get(AbortContext).detached('a test sweeps', () => app.app.get(Sweep, { strict: false }).run());
    expect((await ada.tasks()).tasks.map(({ id }) => id)).toEqual([recent]);
    expect(await rowsOf(app, 'select 1 from cancel_marks')).toEqual([]);
    expect((await ada.cancel(old)).status).toBe(404);
  });
});

describe.each(backends)('a request that is sent again under the same id, on %s', (backend: Backend) => {
  let app: TestApp;
  let phone: TaskClient;

  beforeAll(async () => {
    app = await startTestApp({ backend });
    phone = new TaskClient(await app.client());
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(() => app.close());

  const waiting = (id: string): number | undefined => app.app.get(LiveTasks).find({ owner: 'learner', id })?.waiting;
  const quizCalls = (): number => app.model.journal.filter(({ purpose }) => purpose === 'quiz').length;

  it('gets the answer of the first, though that was given long ago, and nothing runs twice', async () => {
    const id = newId();
    const first = await answerOf(phone.quiz(id));
    const calls = app.model.journal.length;
    const again = await answerOf(phone.quiz(id));
    expect([again.status, again.json()]).toEqual([200, first.json()]);
    expect(app.model.journal).toHaveLength(calls);
  });

  it('waits for the first where that still runs, and lives on when the first is hung up on', async () => {
    const id = newId();
    const gate = new Gate();
    app.model.script('quiz', { holdAfter: 5, gate });
    const first = phone.quiz(id);
    await app.model.sent(await app.model.called('quiz'), 5);
    const again = phone.quiz(id);
    await eventually(() => waiting(id) === 2);
    await first.hangUp();
    await eventually(() => waiting(id) === 1);
    gate.open();
    const answer = await answerOf(again);
    expect(answer.status).toBe(200);
    expect(quizCalls()).toBe(1);
    expect((await phone.task(id)).state).toBe('completed');
  });

  it('is stopped when the last of them hangs up', async () => {
    const id = newId();
    app.model.script('quiz', { holdAfter: 5, gate: new Gate() });
    const first = phone.quiz(id);
    const call = await app.model.called('quiz');
    await app.model.sent(call, 5);
    const again = phone.quiz(id);
    await eventually(() => waiting(id) === 2);
    await Promise.all([first.hangUp(), again.hangUp()]);
    await app.model.ended(call);
    await eventually(async () => (await phone.task(id)).state === 'cancelled');
  });

  it('is refused where it asks for something else', async () => {
    const id = newId();
    await answerOf(phone.quiz(id));
    const other = await answerOf(phone.quiz(id, {}, { question_count: 4 }));
    expect([other.status, other.json()]).toEqual([409, expect.objectContaining({ code: 'task_exists' })]);
  });

  it('gets the failure of the first, and the cancel of the first', async () => {
    const [failed, cancelled] = [newId(), newId()];
    app.model.script('quiz', { status: 400, body: { error: { message: 'no such model' } } }, { times: 1 });
    const first = await answerOf(phone.quiz(failed));
    const again = await answerOf(phone.quiz(failed));
    expect([first.status, again.status, again.json()]).toEqual([502, 502, first.json()]);
    await phone.cancel(cancelled, { pending: true });
    expect((await answerOf(phone.quiz(cancelled))).status).toBe(409);
    expect((await answerOf(phone.quiz(cancelled))).status).toBe(409);
  });

  it('counts an answer once, though it was sent twice', async () => {
    const quiz = (await answerOf(phone.quiz(newId()))).json<{ quiz: { id: string; questions: { id: string }[] } }>().quiz;
    const body = { quiz_id: quiz.id, question_id: quiz.questions[0]?.id, answer: 'something else entirely' };
    const id = newId();
    const send = () => answerOf(phone.client.post('/api/quizzes/validate-answer', body, { 'x-task-id': id }));
    const [first, again] = [await send(), await send()];
    expect(first.status).toBe(200);
    expect(again.json()).toEqual(first.json());
    expect(await rowsOf(app, `select 1 from question_results where question_id = '${body.question_id}'`)).toHaveLength(1);
    expect(await phone.task(id)).toMatchObject({ kind: 'answer_validation', state: 'completed', scopes: ['book:1'] });
  });
});
