import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AbortContext, CancelledError } from '../../src/abort/index.js';
import { Llm } from '../../src/llm/index.js';
import { RetrieveContentNode } from '../../src/quizzes/nodes/retrieve-content.node.js';
import { Tasks, type CancelAnswer } from '../../src/tasks/index.js';
import { eventually, Gate, type Call } from '../../src/testing/index.js';
import { backends, type Backend } from '../support/backends.js';
import { LedgerReader } from '../support/ledger.js';
import { DatabaseWatch } from '../support/locks.js';
import { holdAfter } from '../support/moments.js';
import { rowsOf } from '../support/rows.js';
import { answerOf, newId, TaskClient } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

/** So rare that every cancel here has to come by push. */
const HEARTBEAT = { LEASE_HEARTBEAT_MS: '30000', LEASE_MS: '90000' };

describe.each(backends)('cancelling tasks, on %s', (backend: Backend) => {
  let app: TestApp;
  let learner: TaskClient;

  beforeAll(async () => {
    app = await startTestApp({ backend, env: HEARTBEAT });
    learner = new TaskClient(await app.client());
  }, 60_000);
  afterEach(() => {
    jest.restoreAllMocks();
    app.reset();
  });
  afterAll(() => app.close());

  /** A quiz whose model is so many chunks into its answer, and stays there. */
  async function quizUnderWay(headers: Readonly<Record<string, string>> = {}, who = learner): Promise<{ id: string; call: Call }> {
    const id = newId();
    const before = app.model.journal.filter(({ purpose }) => purpose === 'quiz').length;
    app.model.script('quiz', { holdAfter: 10, gate: new Gate() });
    const call = who.quiz(id, headers);
    await app.model.sent(await app.model.called('quiz', before + 1), 10);
    return { id, call };
  }

  it('says cancelled once the model’s socket is closed and nothing runs, with a receipt, and the client is told 409', async () => {
    const { id, call } = await quizUnderWay();
    const answer = await learner.cancel(id, { reason: 'changed my mind' });
    expect(answer.status).toBe(200);
    expect(app.model.journal.map(({ purpose, outcome }) => [purpose, outcome])).toEqual([
      ['embeddings', 'completed'],
      ['quiz', 'client_closed'],
    ]);
    const cancelled = answer.json<CancelAnswer>();
    expect(cancelled).toEqual({
      task_id: id,
      status: 'cancelled',
      message: 'The task has stopped.',
      cancelled_at: expect.any(String),
      finished_at: cancelled.cancelled_at,
      reason: 'changed my mind',
      cancel: { cause: 'user', by: 'learner', reason: 'changed my mind', requested_at: expect.any(String) },
      usage: { prompt_tokens: expect.any(Number), completion_tokens: expect.any(Number), estimated: true, cost_usd: expect.any(Number) },
      receipt: {
        stopped_at: expect.any(String),
        stage: 'generate_quiz',
        layers: expect.arrayContaining([
          { layer: 'llm', operation: 'chat gpt-4o-mini', told_ms: expect.any(Number), stopped_ms: expect.any(Number) },
          { layer: 'graph', operation: 'generate_quiz', told_ms: expect.any(Number), stopped_ms: expect.any(Number) },
        ]),
        calls_avoided: 1,
        zombies: [],
        confirmed: true,
      },
    });
    const told = await answerOf(call);
    expect(told.status).toBe(409);
    expect(told.headers['x-task-id']).toBe(id);
    expect(told.json()).toMatchObject({ code: 'task_cancelled', detail: 'changed my mind' });
    const task = await learner.task(id);
    expect(task).toMatchObject({
      state: 'cancelled',
      stage: 'generate_quiz',
      cancel: { cause: 'user', by: 'learner', reason: 'changed my mind' },
      usage: { estimated: true },
      error: null,
    });
    expect(task.usage.completion_tokens).toBeGreaterThan(0);
    expect(cancelled).toMatchObject({ usage: task.usage, cancel: task.cancel });
    expect(task.receipt).toEqual(cancelled.receipt);
    expect(app.logs.messages).toEqual(
      expect.arrayContaining([
        '[generate_quiz] Cancelled by user, aborting LLM call',
        `[Tasks] Task ${id} cancelled at generate_quiz (cause=user)`,
        '[QuizService] Quiz generation cancelled by user (chapter=101 user=learner)',
      ]),
    );
    expect(app.logs.at('error')).toEqual([]);
    expect(await LedgerReader.of(app).open()).toEqual([]);
  });

  it('gives ten rapid clicks one cancellation and ten equal answers, and the eleventh the same', async () => {
    const { id, call } = await quizUnderWay();
    const clicks = await Promise.all(Array.from({ length: 10 }, () => learner.cancelled(id)));
    const late = await learner.cancelled(id);
    expect(clicks[0]?.status).toBe('cancelled');
    for (const click of [...clicks, late]) expect(click).toEqual(clicks[0]);
    expect(app.logs.messages.filter((msg) => msg.startsWith(`[Tasks] Task ${id} cancelled`))).toHaveLength(1);
    expect((await answerOf(call)).status).toBe(409);
  });

  it('says cancelling while something ignores its signal, and names it on the receipt once it is a zombie', async () => {
    const { app: impatient, ...other } = await startTestApp({ backend, env: { ...HEARTBEAT, ZOMBIE_AFTER_MS: '300' } });
    const user = new TaskClient(await other.client());
    const { gate } = holdAfter(impatient.get(AbortContext), impatient.get(RetrieveContentNode, { strict: false }), 'run');
    const id = newId();
    const call = user.quiz(id);
    await gate.reached;
    const first = await user.cancel(id, { wait_ms: 0 });
    expect(first.status).toBe(202);
    expect(first.json()).toMatchObject({ status: 'cancelling', cancelled_at: null, receipt: null });
    const second = await user.cancelled(id, { wait_ms: 10_000 });
    expect(second).toMatchObject({
      status: 'cancelled',
      receipt: { stopped_at: null, zombies: ['graph:retrieve_content'], calls_avoided: 2, confirmed: true },
    });
    expect((await answerOf(call)).status).toBe(409);
    gate.open();
    await other.close();
  });

  it('says cancelling while something runs that was begun for it, though its work has thrown and waits for nothing', async () => {
    const [id, begun] = [newId(), new Gate()];
    const spec = { owner: 'learner', kind: 'analysis', scopes: [], input: {}, calls: [], issue: { taskId: id, scopes: [] } };
    const work = app.app.get(Tasks).run(spec, new AbortController().signal, async ({ scope }) => {
      scope.track('llm', 'left alone', undefined, begun.wait()).catch(() => undefined);
      await once(scope.signal, 'abort');
      throw scope.signal.reason;
    });
    const thrown = work.catch((error: unknown) => error);
    await begun.reached;
    // Within half a second it would long have been written as cancelled.
    expect((await learner.cancel(id, { wait_ms: 500 })).status).toBe(202);
    begun.open();
    const { receipt } = await learner.cancelled(id, { wait_ms: 10_000 });
    expect(receipt).toMatchObject({ zombies: [], layers: [{ operation: 'left alone', stopped_ms: expect.any(Number) }] });
    expect(await thrown).toBeInstanceOf(CancelledError);
  });

  describe('that have ended', () => {
    it('answers already_completed with when, and stops nothing (the cancel that came just after the completion)', async () => {
      const id = newId();
      expect((await answerOf(learner.quiz(id))).status).toBe(200);
      const answer = await learner.cancel(id);
      expect(answer.status).toBe(200);
      const { finished_at } = await learner.task(id);
      expect(answer.json()).toMatchObject({ task_id: id, status: 'already_completed', finished_at, cancelled_at: null, receipt: null });
      expect(await learner.cancelled(id)).toEqual(answer.json());
      expect((await learner.task(id)).state).toBe('completed');
    });

    it('goes on answering already_completed for as long as history is kept, and not for thirty seconds', async () => {
      const id = newId();
      await answerOf(learner.quiz(id));
      await rowsOf(app, `update tasks set finished_at = now() - interval '29 days' where id = '${id}'`);
      expect((await learner.cancelled(id)).status).toBe('already_completed');
    });

    it('answers already_failed where the work had failed', async () => {
      const id = newId();
      app.model.script('quiz', { status: 400, body: { error: { message: 'no' } } });
      expect((await answerOf(learner.quiz(id))).status).toBe(502);
      expect(await learner.cancelled(id)).toMatchObject({ status: 'already_failed' });
      expect(await learner.task(id)).toMatchObject({ state: 'failed', error: { code: 'upstream_error' }, cancel: null, receipt: null });
    });
  });

  it('is a 404 for an id never seen, and for nothing else', async () => {
    const answer = await learner.cancel(newId());
    expect(answer.status).toBe(404);
    expect(answer.json()).toMatchObject({ code: 'task_not_found' });
    expect((await learner.cancel('no-uuid')).status).toBe(400);
  });

  it('takes no body, an empty JSON body, and all fields', async () => {
    const id = newId();
    await answerOf(learner.quiz(id));
    const empty = learner.client.call({ method: 'POST', path: `/api/tasks/${id}/cancel`, headers: { 'content-type': 'application/json' } });
    const none = learner.client.call({ method: 'POST', path: `/api/tasks/${id}/cancel` });
    const full = learner.client.post(`/api/tasks/${id}/cancel`, { reason: 'x', pending: true, issued_at: 1, wait_ms: 1 });
    for (const call of [empty, none, full]) expect((await answerOf(call)).json()).toMatchObject({ status: 'already_completed' });
  });

  it('is carried out though its own client hangs up at once', async () => {
    const { id, call } = await quizUnderWay();
    const cancel = learner.client.post(`/api/tasks/${id}/cancel`, {});
    await eventually(async () => (await learner.task(id)).state !== 'running');
    await cancel.hangUp();
    expect((await answerOf(call)).status).toBe(409);
    await eventually(async () => (await learner.task(id)).state === 'cancelled');
  });

  it('leaves a real failure a failure, also when it comes while the task is told to stop', async () => {
    const gate = new Gate();
    jest.spyOn(app.app.get(RetrieveContentNode, { strict: false }), 'run').mockImplementation(async () => {
      await gate.wait();
      throw new Error('the disk is full');
    });
    const id = newId();
    const call = learner.quiz(id);
    await gate.reached;
    expect((await learner.cancel(id, { wait_ms: 0 })).status).toBe(202);
    gate.open();
    expect((await answerOf(call)).status).toBe(500);
    expect(await learner.task(id)).toMatchObject({ state: 'failed', error: { code: 'internal_error' }, cancel: { cause: 'user' } });
    expect(await learner.cancelled(id)).toMatchObject({ status: 'already_failed' });
  });

  it('with a deadline of the client’s own stops at it, and answers 504', async () => {
    app.model.script('quiz', { stallAfter: 3 });
    const id = newId();
    const answer = await answerOf(learner.quiz(id, { 'x-deadline-ms': '300' }));
    expect(answer.status).toBe(504);
    expect(await learner.task(id)).toMatchObject({ state: 'cancelled', cancel: { cause: 'deadline', by: null } });
  });

  describe('several at once', () => {
    it('by ids: each gets its own answer, in the order asked', async () => {
      const done = newId();
      await answerOf(learner.quiz(done));
      const { id, call } = await quizUnderWay();
      const unknown = newId();
      const answer = await answerOf(learner.client.post('/api/tasks/cancel', { ids: [unknown, id, done] }));
      expect(answer.status).toBe(200);
      const { tasks, ...counts } = answer.json<{ tasks: CancelAnswer[] }>();
      expect(counts).toEqual({ cancelled_count: 1, pending: false });
      expect(tasks.map(({ task_id, status }) => [task_id, status])).toEqual([
        [unknown, 'not_found'],
        [id, 'cancelled'],
        [done, 'already_completed'],
      ]);
      expect((await answerOf(call)).status).toBe(409);
    });

    it('by scope: all that bear it and are this user’s own, and nobody else’s', async () => {
      const other = new TaskClient(await app.client('somebody-else'));
      const mine = await quizUnderWay({ 'x-scope': 'lesson:7, week:3' });
      const theirs = await quizUnderWay({ 'x-scope': 'lesson:7' }, other);
      const apart = await quizUnderWay({ 'x-scope': 'lesson:8' });
      const answer = await answerOf(learner.client.post('/api/tasks/cancel', { scope: 'lesson:7' }));
      expect(answer.json()).toMatchObject({ cancelled_count: 1, pending: true, tasks: [{ task_id: mine.id, status: 'cancelled' }] });
      expect((await other.task(theirs.id)).state).toBe('running');
      expect((await learner.task(apart.id)).state).toBe('running');
      expect(await learner.task(mine.id)).toMatchObject({ cancel: { cause: 'scope' }, scopes: ['book:1', 'lesson:7', 'week:3'] });
      await other.cancel(theirs.id);
      await learner.cancel(apart.id);
      await Promise.all([mine, theirs, apart].map(({ call }) => call.answer));
    });

    it('by the book that they are about, and by kind', async () => {
      const one = await quizUnderWay();
      const byBook = await answerOf(learner.client.post('/api/tasks/cancel', { scope: 'book:1', kind: 'quiz_generation' }));
      expect(byBook.json()).toMatchObject({ cancelled_count: 1 });
      await one.call.answer;
      const two = await quizUnderWay();
      const byKind = await answerOf(learner.client.post('/api/tasks/cancel', { kind: 'quiz_generation' }));
      expect(byKind.json()).toMatchObject({ cancelled_count: 1, pending: false });
      await two.call.answer;
    });

    it('refuses a cancel that names nothing, or both ids and a scope', async () => {
      for (const body of [{}, { ids: [newId()], scope: 'x' }]) {
        expect((await answerOf(learner.client.post('/api/tasks/cancel', body))).status).toBe(400);
      }
    });
  });

  describe('that have not come yet', () => {
    it('by id: answers pending, and the task that comes is stopped at zero work', async () => {
      const id = newId();
      const first = await learner.cancel(id, { pending: true, reason: 'gone already' });
      expect([first.status, first.json<CancelAnswer>().status]).toEqual([202, 'pending']);
      expect((await learner.cancel(id, { pending: true })).json()).toEqual(first.json());
      const told = await answerOf(learner.quiz(id));
      expect([told.status, told.json()]).toEqual([409, expect.objectContaining({ code: 'task_cancelled', detail: 'gone already' })]);
      expect(app.model.journal).toEqual([]);
      expect(app.logs.messages).toContain(`[Tasks] Pending cancel honoured, task ${id} stopped at 0 work`);
      const task = await learner.task(id);
      expect(task).toMatchObject({ kind: 'quiz_generation', state: 'cancelled', started_at: null, scopes: ['book:1'] });
      expect(task).toMatchObject({ usage: { prompt_tokens: 0, cost_usd: 0 }, receipt: { layers: [], calls_avoided: 3, stage: null } });
      expect((await learner.cancelled(id)).status).toBe('cancelled');
      expect((await answerOf(learner.quiz(id))).status).toBe(409);
    });

    it('by id of one user, leaves the same id of another alone', async () => {
      const id = newId();
      await learner.cancel(id, { pending: true });
      const other = new TaskClient(await app.client('namesake'));
      expect((await answerOf(other.quiz(id))).status).toBe(200);
      expect((await other.task(id)).usage.prompt_tokens).toBeGreaterThan(0);
      expect((await learner.task(id)).usage.prompt_tokens).toBe(0);
    });

    const client = (issuedAt: number, id = 'phone'): Record<string, string> => ({ 'x-client-id': id, 'x-issued-at': String(issuedAt) });

    it('by scope: a task that its client issued before the cancel is stopped, however late it comes', async () => {
      expect(await learner.cancelProject('51', client(1000))).toMatchObject({ project_id: '51', cancelled_count: 0, pending: true });
      for (const issuedAt of [900, 1000]) {
        const told = await answerOf(learner.quiz(newId(), { 'x-scope': 'project:51', ...client(issuedAt) }));
        expect(told.json()).toMatchObject({ code: 'task_cancelled' });
      }
      expect(app.model.journal).toEqual([]);
    });

    it('by scope: never a task that its client issued after the cancel, nor one of another client', async () => {
      await learner.cancelProject('52', client(1000));
      expect((await answerOf(learner.quiz(newId(), { 'x-scope': 'project:52', ...client(1001) }))).status).toBe(200);
      expect((await answerOf(learner.quiz(newId(), { 'x-scope': 'project:52', ...client(1, 'tablet') }))).status).toBe(200);
    });

    it('by scope: of clients that say nothing, one task soon after, and then no more', async () => {
      await learner.cancelProject('53');
      const headers = { 'x-scope': 'project:53' };
      expect((await answerOf(learner.quiz(newId(), headers))).status).toBe(409);
      expect((await answerOf(learner.quiz(newId(), headers))).status).toBe(200);
      await learner.cancelProject('53');
      await rowsOf(app, `update cancel_marks set created_at = created_at - interval '3 seconds' where scope = 'project:53'`);
      expect((await answerOf(learner.quiz(newId(), headers))).status).toBe(200);
    });

    it('by scope: not the next run of a client that says nothing, where the cancel has stopped the run it was for', async () => {
      const headers = { 'x-scope': 'project:56' };
      const { call } = await quizUnderWay(headers);
      for (const count of [1, 1]) expect(await learner.cancelProject('56')).toMatchObject({ cancelled_count: count });
      await call.answer;
      app.reset();
      expect((await answerOf(learner.quiz(newId(), headers))).status).toBe(200);
    });

    it('by scope: for as long as the mark lasts', async () => {
      await learner.cancelProject('54', client(1000));
      await rowsOf(app, `update cancel_marks set expires_at = now() where scope = 'project:54'`);
      expect((await answerOf(learner.quiz(newId(), { 'x-scope': 'project:54', ...client(900) }))).status).toBe(200);
    });

    it('gives rapid clicks on a project equal answers', async () => {
      const { id, call } = await quizUnderWay({ 'x-scope': 'project:55', ...client(1) });
      const [first, ...others] = await Promise.all([1, 2, 3, 4, 5].map((n) => learner.cancelProject('55', client(1 + n))));
      expect(first).toEqual({ project_id: '55', cancelled_count: 1, task_ids: [id], pending: true });
      for (const other of [...others, await learner.cancelProject('55', client(9))]) expect(other).toEqual(first);
      await call.answer;
    });

    it('an analysis of 101 machines whose cancel came 46 ms before it: 0 of 101, and no call of the model', async () => {
      const tasks = app.app.get(Tasks);
      const llm = app.app.get(Llm, { strict: false });
      const analyse = async (id: string, issuedAt: number): Promise<number> => {
        const spec = { owner: 'learner', kind: 'analysis', scopes: ['project:5'], input: { project: 5 }, calls: [], total: 101 };
        const issue = { taskId: id, scopes: [], clientId: 'page', issuedAt };
        return await tasks.run({ ...spec, issue }, new AbortController().signal, async (task) => {
          for (let done = 1; done <= 101; done += 1) {
            await Array.fromAsync(llm.stream({ messages: [{ role: 'user', content: `machine ${done}` }] }));
            task.progress({ done, total: 101 });
          }
          return { result: 101 };
        });
      };
      const [first, second] = [newId(), newId()];
      await learner.cancelProject('5', client(1_000_046, 'page'));
      await expect(analyse(first, 1_000_000)).rejects.toBeInstanceOf(CancelledError);
      expect(app.model.journal).toEqual([]);
      expect(await learner.task(first)).toMatchObject({
        state: 'cancelled',
        progress: { done: 0, total: 101 },
        usage: { prompt_tokens: 0 },
      });
      // The flaw of a flag that stays: it would stop this one too.
      expect(await analyse(second, 1_000_100)).toBe(101);
      expect(app.model.journal).toHaveLength(101);
      expect(await learner.task(second)).toMatchObject({ state: 'completed', progress: { done: 101, total: 101 } });
    });
  });

  const onPostgres = (): void => {
    let watch: DatabaseWatch;
    beforeAll(async () => {
      watch = await DatabaseWatch.open(app.databaseUrl!);
    });
    afterEach(() => watch.unlock());
    afterAll(() => watch.close());

    it('that wait in a statement: it is gone from the server, and only then is it said', async () => {
      await watch.lock('passages');
      const id = newId();
      const call = learner.quiz(id);
      await watch.waiting();
      const cancelled = await learner.cancelled(id);
      expect(cancelled).toMatchObject({ status: 'cancelled', receipt: { stage: 'retrieve_content' } });
      expect(cancelled.receipt?.layers).toContainEqual(expect.objectContaining({ layer: 'database' }));
      expect(await watch.activity()).toEqual([]);
      expect((await answerOf(call)).status).toBe(409);
    });

    it('that are just being stored: the cancel wins, and nothing is stored', async () => {
      await watch.lock('quizzes');
      const id = newId();
      const call = learner.quiz(id);
      await watch.waiting();
      expect(await learner.cancelled(id)).toMatchObject({ status: 'cancelled', receipt: { stage: 'save_quiz', calls_avoided: 0 } });
      await watch.unlock();
      expect((await answerOf(call)).status).toBe(409);
      expect(await watch.rows('select id from quizzes where task_id = $1', [id])).toEqual([]);
    });

    it('though every connection of the features is taken', async () => {
      const { id, call } = await quizUnderWay();
      await watch.lock('chapters');
      const others = Array.from({ length: 15 }, () => learner.quiz(newId()));
      await watch.waiting(10);
      expect(await learner.cancelled(id)).toMatchObject({ status: 'cancelled', receipt: { zombies: [] } });
      app.model.reset();
      await watch.unlock();
      await Promise.all([call, ...others].map(({ answer }) => answer));
    });
  };
  if (backend === 'postgres') describe('on a server that can be watched', onPostgres);
});
