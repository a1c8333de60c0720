import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CancelledError, DeadlineError, NotFoundError, SupersededError, type HangupClient } from '../../src/client/index.js';
import { eventually, expectNoAbortListeners, Gate } from '../../src/testing/index.js';
import { appClient } from '../support/app-client.js';
import { backends } from '../support/backends.js';
import { consult } from '../support/analysis-model.js';
import { machines } from '../support/project-client.js';
import { textPdf } from '../support/pdfs.js';
import { QUIZ } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { WireLog, withoutBody } from '../support/wire-log.js';

const QUESTION = { content: 'What does 谢谢 mean?' };

describe.each(backends)('the client of an app, on %s', (backend) => {
  let app: TestApp;
  let wire: WireLog;
  let hangup: HangupClient;

  beforeAll(async () => {
    app = await startTestApp({ backend });
  }, 60_000);
  beforeAll(async () => {
    wire = new WireLog();
    hangup = await appClient(app, { fetch: wire.fetch });
  });
  afterEach(() => {
    expect(app.logs.at('error')).toEqual([]);
    wire.sent.length = 0;
    app.reset();
  });
  afterAll(() => app.close());

  /** A task whose model stands still in the middle of its answer. */
  const heldAt = async (purpose: string): Promise<void> => {
    await app.model.sent(await app.model.called(purpose), 3);
  };
  const hold = (purpose: string): void => app.model.script(purpose, { holdAfter: 3, gate: new Gate() });

  it('makes a quiz, reads it again, and says whether an answer is right', async () => {
    const { quiz, task_id } = await hangup.quizzes.generate(QUIZ);
    expect(await hangup.quizzes.get(quiz.id)).toEqual(quiz);
    expect((await hangup.quizzes.list({ limit: 1 })).quizzes).toEqual([quiz]);
    const question = quiz.questions[0]!;
    const verdict = await hangup.quizzes.validateAnswer({ quiz_id: quiz.id, question_id: question.id, answer: 'no idea' });
    expect(verdict.correct).toBe(false);
    expect((await hangup.tasks.get(task_id)).state).toBe('completed');
    expect((await hangup.tasks.list({ state: ['completed'], limit: 2 })).tasks[1]?.id).toBe(task_id);
    expect((await hangup.tasks.result(task_id)).partial).toBe(false);
    expect(wire.cancels).toEqual([]);
  });

  it('knows the books and their chapters', async () => {
    expect((await hangup.books.list()).books[0]?.id).toBe(1);
    expect((await hangup.books.chapters(1)).chapters[0]?.id).toBe(101);
  });

  it('hears a quiz come into being; the last event is its end, and leaving after it cancels nothing', async () => {
    const types: string[] = [];
    for await (const event of hangup.quizzes.stream(QUIZ)) {
      types.push(event.type);
      if (event.type === 'task-end') expect(event.data.result?.quiz.questions).toHaveLength(QUIZ.question_count);
      if (event.type === 'task-end') break;
    }
    expect([types[0], types.filter((type) => type === 'question').length, types.at(-1)]).toEqual(['task-start', 3, 'task-end']);
    expect(wire.sent).toHaveLength(1);
  });

  it('hears a reply as it is said, and finds it in the history', async () => {
    let text = '';
    for await (const event of hangup.chat.send('evening', QUESTION)) if (event.type === 'text-delta') text += event.data.text;
    const { messages } = await hangup.chat.messages('evening');
    expect(messages.map(({ role, content }) => [role, content])).toEqual([
      ['user', QUESTION.content],
      ['assistant', text],
    ]);
  });

  it('gives each task its id, its client and a time of issue that is later than the one before', async () => {
    await Promise.all([hangup.quizzes.generate(QUIZ), hangup.quizzes.generate(QUIZ), hangup.quizzes.generate(QUIZ)]);
    const headers = wire.sent.map(({ init }) => init.headers);
    const times = headers.map((each) => Number(each['x-issued-at']));
    expect(times).toEqual([...new Set(times)].sort((a, b) => a - b));
    expect(new Set(headers.map((each) => each['x-task-id'])).size).toBe(3);
    expect(new Set(headers.map((each) => each['x-client-id'])).size).toBe(1);
  });

  it('rejects at once when a call is aborted, and the work stops by its cancel', async () => {
    hold('quiz');
    const page = new AbortController();
    const [taskId, left] = [randomUUID(), new Error('left the page')];
    const quiz = hangup.quizzes.generate(QUIZ, { signal: page.signal, taskId });
    await heldAt('quiz');
    const order: string[] = [];
    const seen = quiz.catch((error: unknown) => {
      order.push('rejected');
      return error as CancelledError;
    });
    page.abort(left);
    expect(wire.cancelsOf(taskId)).toHaveLength(1);
    await Promise.resolve();
    const error = (await seen) as CancelledError;
    expect(error).toBeInstanceOf(CancelledError);
    expect(error).toMatchObject({ name: 'AbortError', code: 'task_cancelled', abortCause: 'user', taskId, cause: left });
    expect(await error.confirmation).toMatchObject({ status: 'cancelled', receipt: { stage: 'generate_quiz', confirmed: true } });
    expect((await hangup.tasks.get(taskId)).state).toBe('cancelled');
    const [cancel] = wire.cancelsOf(taskId);
    const body = JSON.parse(cancel?.init.body as string) as { pending: boolean; issued_at: number };
    expect([body.pending, cancel?.init.keepalive, cancel?.init.signal]).toEqual([true, true, undefined]);
    expect(body.issued_at).toBeGreaterThan(Number(wire.to('/generate')[0]?.init.headers['x-issued-at']));
  });

  it.each(['break', 'an abort', 'a throw', 'a return while the next event is waited for'])(
    'stops what it listens to by %s',
    async (way) => {
      hold('chat');
      const page = new AbortController();
      const taskId = randomUUID();
      const events = hangup.chat.send(randomUUID(), QUESTION, { signal: page.signal, taskId });
      const listen = async (): Promise<void> => {
        for await (const { type } of events) {
          if (type !== 'text-delta') continue;
          if (way === 'break') break;
          if (way === 'a throw') throw new Error('thrown');
          await app.model.sent(await app.model.called('chat'), 3);
          if (way === 'an abort') page.abort();
          else setImmediate(() => void events.return());
        }
      };
      const outcome = await listen().then(
        () => 'left',
        (error: unknown) => (error as Error).name,
      );
      expect(outcome).toBe({ 'an abort': 'AbortError', 'a throw': 'Error' }[way] ?? 'left');
      expect(wire.cancelsOf(taskId)).toHaveLength(1);
      await eventually(async () => (await hangup.tasks.get(taskId)).state === 'cancelled');
      expect(await events.next()).toEqual({ done: true, value: undefined });
      expectNoAbortListeners(page.signal);
    },
  );

  it('asks nothing of a signal that was aborted before, nor of a stream that nobody reads', async () => {
    const gone = { signal: AbortSignal.abort('gone') };
    await expect(hangup.quizzes.generate(QUIZ, gone)).rejects.toMatchObject({ name: 'AbortError', cause: 'gone' });
    await expect(hangup.quizzes.stream(QUIZ, gone).next()).rejects.toBeInstanceOf(CancelledError);
    await hangup.quizzes.stream(QUIZ).return();
    expect(wire.sent).toEqual([]);
  });

  it('cancels a task that has not come: then it costs nothing', async () => {
    const taskId = randomUUID();
    expect((await hangup.tasks.cancel(taskId, { pending: true })).status).toBe('pending');
    const refused = hangup.quizzes.generate(QUIZ, { taskId });
    await expect(refused).rejects.toBeInstanceOf(CancelledError);
    await expect(refused).rejects.toMatchObject({ taskId, status: 409, receipt: { stage: null, layers: [] } });
    expect(app.model.journal).toEqual([]);
  });

  it('cancels a session and a scope, and never the message or the task after it', async () => {
    await hangup.chat.cancel('reset', { reason: 'reset' });
    await hangup.tasks.cancelMany({ scope: 'page:1' });
    for await (const event of hangup.chat.send('reset', QUESTION))
      if (event.type === 'task-end') expect(event.data.state).toBe('completed');
    await hangup.quizzes.generate(QUIZ, { scopes: ['page:1', 'other'] });
    expect((await hangup.tasks.list({ scope: 'other' })).tasks[0]?.scopes).toContain('page:1');
  });

  it('throws what the server says as an error of its own', async () => {
    await expect(hangup.quizzes.generate({ ...QUIZ, chapter_id: 999 })).rejects.toBeInstanceOf(NotFoundError);
    await expect(hangup.tasks.get(randomUUID())).rejects.toMatchObject({ code: 'task_not_found', status: 404 });
    await expect(hangup.quizzes.generate({ ...QUIZ, question_count: 99 })).rejects.toMatchObject({
      code: 'validation_failed',
      problem: { errors: [{ pointer: '/body/question_count' }] },
    });
    hold('quiz');
    const late = hangup.quizzes.generate(QUIZ, { deadlineMs: 300 });
    await expect(late).rejects.toBeInstanceOf(DeadlineError);
    await expect(late).rejects.toMatchObject({ name: 'TimeoutError', receipt: { confirmed: true } });
    const stranger = await appClient(app, { token: () => Promise.resolve('none') });
    await expect(stranger.books.list()).rejects.toMatchObject({ code: 'unauthorized', status: 401 });
  });

  it('delivers the latest alone: what was asked before is cancelled, and its late answer is nobody’s', async () => {
    hold('quiz');
    const latest = hangup.latest('quiz-page');
    const first = latest((signal) => hangup.quizzes.generate(QUIZ, { signal }));
    const told = expect(first).rejects.toBeInstanceOf(SupersededError);
    await heldAt('quiz');
    const [superseded] = wire.to('/generate').map(({ init }) => init.headers['x-task-id']!);
    app.model.reset();
    const second = await hangup.latest('quiz-page')((signal) => hangup.quizzes.generate(QUIZ, { signal }));
    await told;
    expect(second.quiz.questions).toHaveLength(3);
    expect(wire.cancels).toHaveLength(1);
    await eventually(async () => (await hangup.tasks.get(superseded ?? '')).state === 'cancelled');
  });

  it('analyses a project in the background, and listens to it from elsewhere', async () => {
    consult(app.model);
    const project = randomUUID();
    expect((await hangup.resources.put(project, machines(4) as never)).count).toBe(4);
    const { task_id } = await hangup.analyses.start(project, { goal: 'save' });
    const types: string[] = [];
    for await (const { type } of hangup.tasks.events(task_id)) types.push(type);
    expect([types[0], types.includes('progress'), types.at(-1)]).toEqual(['task-start', true, 'task-end']);
    expect((await hangup.analyses.get(project, task_id)).recommendations).toHaveLength(4);
    await expect(hangup.tasks.resume(task_id)).rejects.toMatchObject({ code: 'task_not_resumable' });
  });

  it('uploads documents, is told of each, and follows what becomes of them; one who only looks on stops nothing by leaving', async () => {
    const told: unknown[] = [];
    const file = {
      name: 'tea.pdf',
      bytes: await textPdf(['Tea is a drink. It is made of leaves and hot water, and it is drunk all over the world.']),
    };
    const accepted = await hangup.documents.upload([file], { title: 'Tea', onProgress: (progress) => told.push(progress) });
    expect(told).toEqual([{ loaded: file.bytes.length, total: file.bytes.length, file: 'tea.pdf' }]);
    for await (const { type } of hangup.tasks.events(accepted.task_id)) if (type === 'task-start') break;
    expect(wire.cancels).toEqual([]);
    const events = hangup.tasks.events(accepted.task_id, { after: '1-1' });
    let state: string | undefined;
    for await (const event of events) if (event.type === 'task-end') state = event.data.state;
    expect(state).toBe('completed');
    expect((await hangup.documents.list()).documents[0]?.name).toBe('tea.pdf');
  });

  it('works with a fetch that gives no body: the events come at the end, and a cancel still stops', async () => {
    const phone = await appClient(app, { fetch: withoutBody });
    const types: string[] = [];
    for await (const { type } of phone.quizzes.stream(QUIZ)) types.push(type);
    expect([types[0], types.filter((type) => type === 'question').length, types.at(-1)]).toEqual(['task-start', 3, 'task-end']);
    hold('chat');
    const page = new AbortController();
    const taskId = randomUUID();
    const next = phone.chat.send(randomUUID(), QUESTION, { signal: page.signal, taskId }).next();
    await heldAt('chat');
    page.abort();
    const error = await next.catch((thrown: unknown) => thrown as CancelledError);
    expect(error).toBeInstanceOf(CancelledError);
    expect(await (error as CancelledError).confirmation).toMatchObject({ status: 'cancelled' });
  });

  it('leaves no listener', async () => {
    const { signal } = new AbortController();
    await hangup.quizzes.generate(QUIZ, { signal });
    for await (const event of hangup.quizzes.stream(QUIZ, { signal })) expect(event.id).toMatch(/^\d+-\d+$/);
    for await (const event of hangup.chat.send('left', QUESTION, { signal })) if (event.type === 'text-delta') break;
    await hangup.latest('x')(() => hangup.books.list({ signal }));
    await expect(hangup.tasks.get(randomUUID(), { signal })).rejects.toBeInstanceOf(NotFoundError);
    expectNoAbortListeners(signal);
  });
});
