import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AbortContext, DeadlineExceededError } from '../../src/abort/index.js';
import { Llm } from '../../src/llm/index.js';
import { EvaluateContentNode } from '../../src/quizzes/nodes/evaluate-content.node.js';
import { GenerateQuizNode } from '../../src/quizzes/nodes/generate-quiz.node.js';
import { QueryWeaknessNode } from '../../src/quizzes/nodes/query-weakness.node.js';
import { RetrieveContentNode } from '../../src/quizzes/nodes/retrieve-content.node.js';
import type { Receipt, TaskView } from '../../src/tasks/index.js';
import { LiveTasks } from '../../src/tasks/live-tasks.js';
import { eventually, Gate, type Answer, type Call } from '../../src/testing/index.js';
import { backends, runsPostgres, type Backend } from '../support/backends.js';
import { LedgerReader } from '../support/ledger.js';
import { DatabaseWatch } from '../support/locks.js';
import { holdAfter } from '../support/moments.js';
import { Learner } from '../support/quiz-client.js';
import { answerOf, newId, TaskClient } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { timeoutsOf } from '../support/timeouts.js';

/** Long enough to come anywhere in a quiz, on a machine that does other things too. */
const DEADLINE_MS = 1200;
const IN_TIME = { 'x-deadline-ms': String(DEADLINE_MS) };

interface Stopped {
  readonly code: string;
  readonly detail: string;
  readonly task_id: string;
  readonly receipt: Receipt;
}

/** A 504 that has the receipt which the task has. */
async function expectStoppedInTime(learner: TaskClient, answer: Answer, id: string, stage: string): Promise<TaskView> {
  expect(answer.status).toBe(504);
  const task = await learner.task(id);
  expect(task).toMatchObject({ state: 'cancelled', stage, cancel: { cause: 'deadline', by: null }, error: null });
  expect(answer.json<Stopped>()).toEqual({
    type: 'about:blank',
    title: 'Deadline exceeded',
    status: 504,
    code: 'deadline_exceeded',
    detail: `The deadline of ${DEADLINE_MS} ms passed.`,
    task_id: id,
    receipt: task.receipt,
  });
  expect(task.receipt).toMatchObject({ stage, stopped_at: expect.any(String), zombies: [], confirmed: true });
  return task;
}

describe.each(backends)('a deadline, on %s', (backend: Backend) => {
  let app: TestApp;
  let learner: TaskClient;

  beforeAll(async () => {
    app = await startTestApp({ backend });
    learner = new TaskClient(await app.client());
  }, 60_000);
  afterEach(() => {
    expect(app.logs.at('error')).toEqual([]);
    jest.restoreAllMocks();
    app.reset();
  });
  afterAll(() => app.close());

  const purposes = (): string[] => app.model.journal.map(({ purpose }) => purpose);

  it.each([
    ['embeddings', 'retrieve_content', { hold: new Gate() }],
    ['quiz', 'generate_quiz', { hold: new Gate() }],
    ['quiz', 'generate_quiz', { holdAfter: 10, gate: new Gate() }],
    ['quiz_evaluation', 'evaluate_content', { holdAfter: 3, gate: new Gate() }],
  ] as const)('in a call for %s cuts its socket, and the client is told 504 with the receipt', async (purpose, stage, behaviour) => {
    app.model.script(purpose, behaviour);
    const id = newId();
    const answer = await answerOf(learner.quiz(id, IN_TIME));
    const { receipt } = await expectStoppedInTime(learner, answer, id, stage);
    expect(receipt?.layers.map(({ layer }) => layer)).toContain('llm');
    expect((await app.model.ended(await app.model.called(purpose))).outcome).toBe('client_closed');
    expect(await LedgerReader.of(app).open()).toEqual([]);
    const again = await answerOf(learner.quiz(id));
    expect(again.status).toBe(504);
    expect(again.json()).toEqual(answer.json());
  });

  it.each([
    ['query_weakness', QueryWeaknessNode, []],
    ['retrieve_content', RetrieveContentNode, ['embeddings']],
    ['generate_quiz', GenerateQuizNode, ['embeddings', 'quiz']],
    ['evaluate_content', EvaluateContentNode, ['embeddings', 'quiz', 'quiz_evaluation']],
  ] as const)('that passes behind %s lets nothing begin any more', async (_, node, calls) => {
    const held = holdAfter(app.app.get(AbortContext), app.app.get<{ run(): unknown }>(node, { strict: false }), 'run');
    const id = newId();
    const call = learner.quiz(id, IN_TIME);
    await held.told();
    const told = performance.now();
    held.gate.open();
    const answer = await answerOf(call);
    expect(answer.json<Stopped>()).toMatchObject({ code: 'deadline_exceeded', task_id: id, receipt: { confirmed: true } });
    expect(purposes()).toEqual(calls);
    expect(app.queries.liveSince(told)).toEqual([]);
  });

  it('that passes while the event loop is blocked lets nothing begin any more, though no timer has said so', async () => {
    const context = app.app.get(AbortContext);
    const node = app.app.get(RetrieveContentNode, { strict: false });
    const run = node.run.bind(node);
    let unblockedAt = Infinity;
    jest.spyOn(node, 'run').mockImplementation(async (...given) => {
      const found = await run(...given);
      while (context.remainingMs > 0);
      unblockedAt = performance.now();
      return found;
    });
    const id = newId();
    const answer = await answerOf(learner.quiz(id, IN_TIME));
    expect(answer.json<Stopped>()).toMatchObject({ code: 'deadline_exceeded', task_id: id });
    expect(purposes()).toEqual(['embeddings']);
    expect(app.queries.liveSince(unblockedAt)).toEqual([]);
  });

  it('is told to the model as what is left of it, and nothing is told without one', async () => {
    await answerOf(learner.quiz(newId(), { 'x-deadline-ms': '30000' }));
    const told = app.model.journal.map(({ headers }) => Number(headers['x-stainless-timeout']));
    expect(told).toHaveLength(3);
    for (const seconds of told) expect(seconds).toBeLessThanOrEqual(30);
    for (const seconds of told) expect(seconds).toBeGreaterThan(15);
    app.reset();
    await answerOf(learner.quiz(newId()));
    expect(app.model.journal.map(({ headers }) => headers['x-stainless-timeout'])).toEqual([undefined, undefined, undefined]);
  });

  /** The inner scope has no timer of its own: what comes first is the timeout of the model's client. */
  it('is a deadline and no failure of the model where the client of the model sees it first', async () => {
    app.model.script('embeddings', { hold: new Gate() });
    const [context, llm] = [app.app.get(AbortContext), app.app.get(Llm)];
    const [outer, inner] = [new AbortController(), new AbortController()];
    const work = context.run(outer.signal, () => context.run(inner.signal, () => llm.embed(['hello'])), { timeoutMs: 300 });
    await expect(work).rejects.toEqual(new DeadlineExceededError(300));
    expect(app.model.journal).toHaveLength(1);
    expect((await app.model.ended(await app.model.called('embeddings'))).outcome).toBe('client_closed');
  });

  it('of a request sent again ends its waiting alone: the task goes on for whoever sent it first', async () => {
    const gate = new Gate();
    app.model.script('quiz', { hold: gate });
    const id = newId();
    const first = learner.quiz(id);
    await app.model.called('quiz');
    const again = await answerOf(learner.quiz(id, { 'x-deadline-ms': '50' }));
    expect(again.json()).toEqual({
      type: 'about:blank',
      title: 'Deadline exceeded',
      status: 504,
      code: 'deadline_exceeded',
      detail: 'The deadline of 50 ms passed.',
    });
    gate.open();
    expect((await answerOf(first)).status).toBe(200);
  });

  it('of the last who waits stops the task', async () => {
    app.model.script('quiz', { hold: new Gate() });
    const id = newId();
    const first = learner.quiz(id);
    await app.model.called('quiz');
    const again = learner.quiz(id, IN_TIME);
    await eventually(() => app.app.get(LiveTasks, { strict: false }).find({ owner: 'learner', id })?.waiting === 2);
    await first.hangUp();
    await expectStoppedInTime(learner, await answerOf(again), id, 'generate_quiz');
  });

  it('covers the grading of an answer', async () => {
    const quiz = await new Learner(learner.client).makeQuiz({ exercise_type: 'reading_comprehension', question_count: 1 });
    app.reset();
    app.model.script('answer_grade', { hold: new Gate() });
    const id = newId();
    const body = { quiz_id: quiz.id, question_id: quiz.questions[0]!.id, answer: 'zzz' };
    const answer = await answerOf(learner.client.post('/api/quizzes/validate-answer', body, { 'x-task-id': id, ...IN_TIME }));
    await expectStoppedInTime(learner, answer, id, 'validate_answer');
    const again = learner.client.post('/api/quizzes/validate-answer', body, { 'x-task-id': id });
    expect((await answerOf(again)).json()).toEqual(answer.json());
  });

  describe('and every other stop', () => {
    it('by a cancel is answered with the receipt that the canceller gets, and so is whoever asks again', async () => {
      app.model.script('quiz', { holdAfter: 5, gate: new Gate() });
      const id = newId();
      const call = learner.quiz(id);
      await app.model.called('quiz');
      const { receipt } = await learner.cancelled(id, { reason: 'changed my mind' });
      const answer = await answerOf(call);
      expect(answer.status).toBe(409);
      expect(answer.json()).toMatchObject({ code: 'task_cancelled', detail: 'changed my mind', task_id: id, receipt });
      expect((await answerOf(learner.quiz(id))).json()).toEqual(answer.json());
    });

    it('by a cancel that came first is answered with the receipt of no work, and so is whoever asks again', async () => {
      const id = newId();
      await learner.cancel(id, { pending: true, reason: 'never mind' });
      const answer = await answerOf(learner.quiz(id));
      const { receipt } = await learner.task(id);
      expect(receipt).toMatchObject({ stage: null, layers: [], calls_avoided: 3 });
      expect(answer.json()).toMatchObject({ code: 'task_cancelled', detail: 'never mind', task_id: id, receipt });
      expect((await answerOf(learner.quiz(id))).json()).toEqual(answer.json());
      expect(purposes()).toEqual([]);
    });

    it('by a mark on a scope is answered with the receipt of no work', async () => {
      const who = { 'x-client-id': 'phone', 'x-scope': 'lesson:9' };
      await answerOf(learner.client.post('/api/tasks/cancel', { scope: 'lesson:9' }, { 'x-client-id': 'phone', 'x-issued-at': '2' }));
      const id = newId();
      const answer = await answerOf(learner.quiz(id, { ...who, 'x-issued-at': '1' }));
      expect(answer.json()).toMatchObject({ code: 'task_cancelled', task_id: id, receipt: (await learner.task(id)).receipt });
    });
  });
});

(runsPostgres ? describe : describe.skip)('a deadline in a query', () => {
  let app: TestApp;
  let learner: TaskClient;
  let database: DatabaseWatch;

  beforeAll(async () => {
    app = await startTestApp({ backend: 'postgres' });
    learner = new TaskClient(await app.client());
    database = await DatabaseWatch.open(app.databaseUrl!);
  }, 60_000);
  afterEach(async () => {
    await database.unlock();
    expect(app.logs.at('error')).toEqual([]);
    app.reset();
  });
  afterAll(async () => {
    await database.close();
    await app.close();
  });

  /** Every connection of the features has the server's own timeout, once nobody uses one. */
  async function expectWholeTimeouts(): Promise<void> {
    expect(new Set(await timeoutsOf(app))).toEqual(new Set(['30000']));
  }

  it.each([
    ['chapters', 'find_chapter'],
    ['question_results', 'query_weakness'],
    ['passages', 'retrieve_content'],
    ['quizzes', 'save_quiz'],
  ])('on %s, which is locked, frees the backend, and the client is told 504 with the receipt', async (table, stage) => {
    const id = newId();
    await database.lock(table);
    const call: Call = learner.quiz(id, IN_TIME);
    await database.waiting();
    const answer = await answerOf(call);
    expect(await database.activity()).toEqual([]);
    await database.unlock();
    const { receipt } = await expectStoppedInTime(learner, answer, id, stage);
    expect(receipt?.layers.map(({ layer }) => layer)).toContain('database');
    await expectWholeTimeouts();
  });

  it('that is to find the question, before there is a task, is a 504 without a receipt', async () => {
    const quiz = await new Learner(learner.client).makeQuiz({ exercise_type: 'reading_comprehension', question_count: 1 });
    await database.lock('quizzes');
    const body = { quiz_id: quiz.id, question_id: quiz.questions[0]!.id, answer: 'zzz' };
    const call = learner.client.post('/api/quizzes/validate-answer', body, IN_TIME);
    await database.waiting();
    const answer = await answerOf(call);
    expect(answer.json()).toMatchObject({ code: 'deadline_exceeded', detail: `The deadline of ${DEADLINE_MS} ms passed.` });
    expect(answer.json()).not.toHaveProperty('task_id');
    expect(await database.activity()).toEqual([]);
  });
});
