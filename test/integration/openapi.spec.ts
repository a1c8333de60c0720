import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { CancelledError, DeadlineExceededError, DrainingError, LeaseLostError } from '../../src/abort/index.js';
import { HealthRepository } from '../../src/health/health.repository.js';
import { DomainError, PROBLEM_JSON, type Problem } from '../../src/problems/index.js';
import { kindOf, PROBLEMS } from '../../src/problems/problem-status.js';
import { BooksService } from '../../src/quizzes/books.service.js';
import { Tasks } from '../../src/tasks/index.js';
import type { Behaviour, Call, SocketClient } from '../../src/testing/index.js';
import { PublishedApi } from '../support/published-api.js';
import { Learner, type QuizAnswer } from '../support/quiz-client.js';
import { evaluator } from '../support/quiz-model.js';
import { rowsOf } from '../support/rows.js';
import { registered, smallJobs } from '../support/small-jobs.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const GENERATE = 'POST /api/quizzes/generate';
const VALIDATE = 'POST /api/quizzes/validate-answer';
const LIST = 'GET /api/quizzes';
const QUIZ = 'GET /api/quizzes/{id}';
const BOOKS = 'GET /api/books';
const CHAPTERS = 'GET /api/books/{id}/chapters';
const BOOK = 'GET /api/books/{id}';
const DELETE_BOOK = 'DELETE /api/books/{id}';
const UPLOAD = 'POST /api/documents';
const RECLASSIFY = 'POST /api/documents/reclassify';
const DOCUMENTS = 'GET /api/documents';
const DOCUMENT = 'GET /api/documents/{id}';
const DELETE_DOCUMENT = 'DELETE /api/documents/{id}';
const TASKS = 'GET /api/tasks';
const TASK = 'GET /api/tasks/{id}';
const RESULT = 'GET /api/tasks/{id}/result';
const EVENTS = 'GET /api/tasks/{id}/events';
const CANCEL = 'POST /api/tasks/{id}/cancel';
const RESUME = 'POST /api/tasks/{id}/resume';
const CANCEL_MANY = 'POST /api/tasks/cancel';
const SAY = 'POST /api/chat/sessions/{session_id}/messages';
const SAID = 'GET /api/chat/sessions/{session_id}/messages';
const CANCEL_SESSION = 'POST /api/chat/sessions/{session_id}/cancel';
const CANCEL_PROJECT = 'POST /api/projects/{project_id}/cancel-tasks';
const PUT_RESOURCES = 'PUT /api/projects/{project_id}/resources';
const ANALYSE = 'POST /api/projects/{project_id}/analyses';
const ANALYSIS = 'GET /api/projects/{project_id}/analyses/{task_id}';
const USAGE = 'GET /api/usage';
const RESOURCES = 'GET /api/projects/{project_id}/resources';

const EMPTY_CHAPTER = 199;
const NOTHING = 'nothing';
const MOST_BYTES = 10_000;
const BODY = { book_id: 1, chapter_id: 101, exercise_type: 'mixed', question_count: 2 };
const ID = randomUUID();
const STOPPED = randomUUID();
const ANALYSED = randomUUID();
/** An analysis that was cancelled when one of its three resources was done, and another had failed. */
const ANALYSED_PROJECT = [
  `insert into resources values ('learner', '8', 'vm-1', 1, 'machine 1', '{}')`,
  `insert into tasks (owner, id, kind, state, is_job, attempt, input, total, finished_at) values
    ('learner', '${ANALYSED}', 'analysis', 'cancelled', true, 1, '{"project_id":"8","goal":"x","selection":null}', 3, now())`,
  `insert into task_items (owner, task_id, ordinal, key, name, state, result, error) values
    ('learner', '${ANALYSED}', 1, 'a', 'a', 'completed', '{"action":"keep","reason":"x","confidence":1,"estimated_saving":null}', null),
    ('learner', '${ANALYSED}', 2, 'b', 'b', 'failed', null, '{"code":"upstream_error","message":"x"}'),
    ('learner', '${ANALYSED}', 3, 'c', 'c', 'waiting', null, null)`,
];
/** A job of which one of two items was done. */
const STOPPED_JOB = `with job as (
  insert into tasks (owner, id, kind, state, is_job, attempt, input, total, finished_at) values ('learner', '${STOPPED}', '${NOTHING}', 'cancelled', true, 1, '{}', 2, now())
) insert into task_items (owner, task_id, ordinal, key, name, state) values ('learner', '${STOPPED}', 1, 'a', 'a', 'completed'), ('learner', '${STOPPED}', 2, 'b', 'b', 'waiting')`;
const VM = { id: 'vm-1', name: 'machine 1', size: 'B2s', monthly_cost_usd: 30, tags: { team: ['a'] } };
const [DOCUMENT_ID, OTHER_DOCUMENT_ID, BUSY_DOCUMENT_ID] = [randomUUID(), randomUUID(), randomUUID()];
/** Three documents, each with a book of its own; a task works on the last. */
const OF_DOCUMENTS = `with mine as (
  insert into books (id, title, language, owner) values (2001, 'a', 'en', 'learner'), (2002, 'b', 'en', 'learner'), (2003, 'c', 'en', 'learner')
), busy as (
  insert into tasks (owner, id, kind, state, attempt, lease_until) values ('learner', '${BUSY_DOCUMENT_ID}', '${NOTHING}', 'running', 1, now() + interval '1 hour')
) insert into documents (id, owner, task_id, ordinal, name, media_type, bytes, sha256, state, title, language, level, subject, chapters, book_id)
  select id::uuid, 'learner', id::uuid, 1, 'x.pdf', 'application/pdf', 9, 'x', 'catalogued', 't', 'en', 'A1', 's', '[{"title": "c", "first_page": 1}]', book_id
  from (values ('${OTHER_DOCUMENT_ID}', 2001), ('${DOCUMENT_ID}', 2002), ('${BUSY_DOCUMENT_ID}', 2003)) as v (id, book_id)`;
const PNG = Buffer.from('\x89PNG\r\n\x1a\n and so on', 'latin1');
const NOBODY = { authorization: 'none' };

/** What every route has, whatever it does. */
const EVERYWHERE = ['unauthorized', 'internal_error', 'auth_unavailable', 'database_unavailable'];
/** What comes with parameters and bodies. */
const WITH_INPUT = ['validation_failed', 'bad_request', 'uri_too_long', 'payload_too_large', 'unsupported_media_type'];

describe('what /docs-json publishes', () => {
  let app: TestApp;
  let client: SocketClient;
  let quiz: QuizAnswer;
  let api: PublishedApi;

  beforeAll(async () => {
    app = await startTestApp({
      env: { LLM_MAX_RETRIES: '0', LLM_IDLE_TIMEOUT_MS: '1000', UPLOAD_MAX_FILES: '2', UPLOAD_MAX_FILE_BYTES: String(MOST_BYTES) },
      prepare: registered(smallJobs(NOTHING)),
    });
    client = await app.client();
    await rowsOf(app, `insert into chapters (id, book_id, title, level) values (${EMPTY_CHAPTER}, 1, 'Empty', 'A1')`);
    quiz = await new Learner(client).makeQuiz({ exercise_type: 'reading_comprehension', question_count: 2 });
    api = await PublishedApi.at(app.url);
    await rowsOf(app, STOPPED_JOB);
    for (const statement of ANALYSED_PROJECT) await rowsOf(app, statement);
    await rowsOf(app, OF_DOCUMENTS);
  }, 60_000);
  afterEach(() => {
    jest.restoreAllMocks();
    app.reset();
  });
  afterAll(() => app.close());

  /** All but the probes, which need no token and ask for nothing. */
  const ours = (): string[] => api.routes.filter((route) => route.includes(' /api/'));
  const generate = (over: object = {}, headers?: Record<string, string>): Call =>
    client.post('/api/quizzes/generate', { ...BODY, ...over }, headers);
  const validate = (over: object = {}, headers?: Record<string, string>): Call =>
    client.post('/api/quizzes/validate-answer', { quiz_id: quiz.id, question_id: quiz.questions[0]!.id, answer: 'zzz', ...over }, headers);

  const remove = (path: string): Call => client.call({ method: 'DELETE', path });
  const upload = (files: readonly Buffer[], headers: Record<string, string> = {}): Call =>
    client.call({ method: 'POST', path: '/api/documents', form: files.map((bytes, at) => ({ name: `${at}.png`, bytes })), headers });
  const reclassify = (body: object = { document_ids: [DOCUMENT_ID] }, headers?: Record<string, string>): Call =>
    client.post('/api/documents/reclassify', body, headers);
  const resumable = (): Call => client.post(`/api/tasks/${STOPPED}/resume`, undefined);
  const say = (over: object = {}, headers?: Record<string, string>): Call =>
    client.post('/api/chat/sessions/s/messages', { content: 'hello', ...over }, headers);

  const putResources = (body: unknown): Call => client.call({ method: 'PUT', path: '/api/projects/7/resources', body });
  const analyse = (project = '8', over: object = {}): Call => client.post(`/api/projects/${project}/analyses`, { goal: 'x', ...over });

  it('has a schema for the answer of every route, as a component', () => {
    const isAnswer = ({ status, schema }: { status: number; schema: { $ref?: string } }): boolean =>
      status < 300 && schema.$ref !== undefined;
    expect(ours()).toContain(GENERATE);
    expect(api.routes.filter((route) => !api.answersOf(route).some(isAnswer))).toEqual([]);
  });

  it('has the problems of every route, each under its status, and whatever goes wrong is a problem', () => {
    for (const route of ours()) {
      const problems = api.answersOf(route).filter(({ status }) => status >= 400);
      expect({ route, codes: api.codesOf(route) }).toEqual({ route, codes: expect.arrayContaining(EVERYWHERE) });
      expect(problems.filter(({ type }) => type !== PROBLEM_JSON)).toEqual([]);
      expect(problems.filter(({ codes }) => codes.length === 0)).toEqual([]);
      expect(problems.filter(({ status, codes }) => codes.some((code) => kindOf(code)?.status !== status))).toEqual([]);
    }
  });

  it('leaves out no problem: every code is some route`s', () => {
    const published = new Set(ours().flatMap((route) => api.codesOf(route)));
    expect(Object.keys(PROBLEMS).filter((code) => !published.has(code))).toEqual([]);
  });

  it('has every component that it refers to, and nothing of its own making', () => {
    const text = JSON.stringify(api.document);
    const referred = new Set([...text.matchAll(/"#\/components\/schemas\/(\w+)"/g)].map(([, name]) => name));
    expect([...referred].sort()).toEqual(Object.keys(api.document.components.schemas).sort());
    expect(text).not.toContain('x-problems');
  });

  describe('is what a route answers', () => {
    const ASK: Readonly<Record<string, () => Call>> = {
      [GENERATE]: () => generate({ exercise_type: 'vocabulary' }),
      [VALIDATE]: () => validate(),
      [LIST]: () => client.get('/api/quizzes?limit=1'),
      [QUIZ]: () => client.get(`/api/quizzes/${quiz.id}`),
      [BOOKS]: () => client.get('/api/books'),
      [CHAPTERS]: () => client.get('/api/books/1/chapters'),
      [BOOK]: () => client.get('/api/books/1'),
      [DELETE_BOOK]: () => remove('/api/books/2001'),
      [UPLOAD]: () => upload([PNG]),
      [RECLASSIFY]: () => client.post('/api/documents/reclassify', { book_id: 2002 }),
      [DOCUMENTS]: () => client.get('/api/documents'),
      [DOCUMENT]: () => client.get(`/api/documents/${DOCUMENT_ID}`),
      [DELETE_DOCUMENT]: () => remove(`/api/documents/${OTHER_DOCUMENT_ID}`),
      'GET /health': () => client.get('/health'),
      'GET /ready': () => client.get('/ready'),
      [TASKS]: () => client.get('/api/tasks?state=completed&limit=1'),
      [TASK]: () => client.get(`/api/tasks/${quiz.task_id}`),
      [RESULT]: () => client.get(`/api/tasks/${quiz.task_id}/result`),
      [CANCEL]: () => client.post(`/api/tasks/${quiz.task_id}/cancel`, {}),
      [RESUME]: () => resumable(),
      [CANCEL_MANY]: () => client.post('/api/tasks/cancel', { ids: [quiz.task_id, ID] }),
      [CANCEL_PROJECT]: () => client.post('/api/projects/7/cancel-tasks', {}),
      [PUT_RESOURCES]: () => putResources([VM, VM]),
      [RESOURCES]: () => client.get('/api/projects/7/resources?limit=1'),
      [USAGE]: () => client.get('/api/usage'),
      [ANALYSE]: () => analyse(),
      [ANALYSIS]: () => client.get(`/api/projects/8/analyses/${ANALYSED}`),
      [SAID]: () => client.get('/api/chat/sessions/s/messages'),
      [CANCEL_SESSION]: () => client.post('/api/chat/sessions/s/cancel', {}),
    };

    /** Streams are read where their events are tested. */
    const isStream = (route: string): boolean => api.answersOf(route).every(({ type }) => type !== 'application/json');

    it('with all of them asked', () => {
      expect(Object.keys(ASK).sort()).toEqual(api.routes.filter((route) => !isStream(route)).sort());
    });

    it.each(Object.keys(ASK))('%s', async (route) => {
      const answer = (await ASK[route]!().answer)!;
      expect(answer.status).toBeLessThan(300);
      expect(await api.misfitOf(route, answer)).toBeUndefined();
    });

    it('GET /ready, also while it is not', async () => {
      jest.spyOn(app.app.get(HealthRepository, { strict: false }), 'ping').mockRejectedValue(new Error('no'));
      const answer = (await client.get('/ready').answer)!;
      expect(answer.status).toBe(503);
      expect(await api.misfitOf('GET /ready', answer)).toBeUndefined();
    });

    it('and not something else: a field too many, one too few or of another kind is seen', async () => {
      const answer = (await client.get(`/api/quizzes/${quiz.id}`).answer)!;
      const { id, ...rest } = answer.json();
      for (const body of [{ id, ...rest, answer: 'x' }, rest, { ...rest, id: 7 }, { ...rest, id: 'not a UUID' }]) {
        expect(await api.misfitOf(QUIZ, { ...answer, text: JSON.stringify(body) })).toContain('body');
      }
    });
  });

  describe('is what a route answers instead', () => {
    const script = (purpose: string, behaviour: Behaviour, ask: () => Call) => (): Call => {
      app.model.script(purpose, behaviour);
      return ask();
    };
    const broken = (error: Error) => (): Call => {
      jest.spyOn(app.app.get(BooksService, { strict: false }), 'list').mockRejectedValue(error);
      return client.get('/api/books');
    };
    const gone = Object.assign(new Error('no'), { code: 'ECONNREFUSED' });
    const refusing = evaluator(() => false);
    const unauthorized = { status: 401, body: {} };
    const busy = { status: 429, headers: { 'retry-after': '30' }, body: {} };
    const silent = { stallAfter: 1 };
    const noJson = { text: 'no JSON' };

    const refused = (reason: Error, ask: () => Call) => (): Call => {
      jest.spyOn(app.app.get(Tasks), 'enqueue').mockRejectedValue(reason);
      return ask();
    };
    const stopped = (reason: Error, ask: () => Call) => (): Call => {
      jest.spyOn(app.app.get(Tasks), 'run').mockRejectedValue(reason);
      return ask();
    };
    const taken = (ask: (headers: Record<string, string>) => Call) => (): Call => ask({ 'x-task-id': quiz.task_id });

    const PROBLEM_ROWS: readonly (readonly [route: string, code: string, ask: () => Call])[] = [
      [GENERATE, 'validation_failed', () => generate({ question_count: 0 })],
      [GENERATE, 'bad_request', () => client.post('/api/quizzes/generate', JSON.parse('{"__proto__": {}}'))],
      [GENERATE, 'unsupported_media_type', () => generate({}, { 'content-type': 'application/xml' })],
      [GENERATE, 'payload_too_large', () => generate({ more: 'x'.repeat(1_048_577) })],
      [GENERATE, 'unauthorized', () => generate({}, NOBODY)],
      [GENERATE, 'book_not_found', () => generate({ book_id: 99 })],
      [GENERATE, 'chapter_not_found', () => generate({ chapter_id: 999 })],
      [GENERATE, 'chapter_empty', () => generate({ chapter_id: EMPTY_CHAPTER })],
      [GENERATE, 'quiz_rejected', script('quiz_evaluation', refusing, generate)],
      [GENERATE, 'invalid_model_output', script('quiz', noJson, generate)],
      [GENERATE, 'upstream_error', script('quiz', unauthorized, generate)],
      [GENERATE, 'upstream_rate_limited', script('quiz', busy, generate)],
      [GENERATE, 'upstream_timeout', script('quiz', silent, generate)],
      [VALIDATE, 'validation_failed', () => validate({ answer: '' })],
      [VALIDATE, 'unauthorized', () => client.post('/api/quizzes/validate-answer', {}, NOBODY)],
      [VALIDATE, 'quiz_not_found', () => validate({ quiz_id: ID })],
      [VALIDATE, 'question_not_found', () => validate({ question_id: ID })],
      [VALIDATE, 'invalid_model_output', script('answer_grade', noJson, validate)],
      [VALIDATE, 'upstream_error', script('answer_grade', unauthorized, validate)],
      [VALIDATE, 'upstream_rate_limited', script('answer_grade', busy, validate)],
      [VALIDATE, 'upstream_timeout', script('answer_grade', silent, validate)],
      [LIST, 'validation_failed', () => client.get('/api/quizzes?cursor=x')],
      [LIST, 'unauthorized', () => client.get('/api/quizzes', NOBODY)],
      [QUIZ, 'validation_failed', () => client.get('/api/quizzes/x')],
      [QUIZ, 'bad_request', () => client.get('/api/quizzes/%E0%A4%A')],
      [QUIZ, 'uri_too_long', () => client.get(`/api/quizzes/${'a'.repeat(300)}`)],
      [QUIZ, 'unauthorized', () => client.get(`/api/quizzes/${ID}`, NOBODY)],
      [QUIZ, 'quiz_not_found', () => client.get(`/api/quizzes/${ID}`)],
      [BOOKS, 'unauthorized', () => client.get('/api/books', NOBODY)],
      [BOOKS, 'database_unavailable', broken(gone)],
      [BOOKS, 'internal_error', broken(new Error('no'))],
      [CHAPTERS, 'validation_failed', () => client.get('/api/books/x/chapters')],
      [CHAPTERS, 'unauthorized', () => client.get('/api/books/1/chapters', NOBODY)],
      [CHAPTERS, 'book_not_found', () => client.get('/api/books/99/chapters')],
      [GENERATE, 'task_exists', taken((headers) => generate({ question_count: 7 }, headers))],
      [VALIDATE, 'task_exists', taken((headers) => validate({}, headers))],
      ...[GENERATE, VALIDATE, SAY].flatMap((route) => {
        const ask = { [GENERATE]: generate, [VALIDATE]: validate, [SAY]: say }[route] ?? say;
        return [
          [route, 'task_cancelled', stopped(new CancelledError(), () => ask())],
          [route, 'budget_exceeded', stopped(new CancelledError('budget'), () => ask())],
          [route, 'deadline_exceeded', stopped(new DeadlineExceededError(1), () => ask())],
          [route, 'draining', stopped(new DrainingError(), () => ask())],
          [route, 'owner_lost', stopped(new LeaseLostError(), () => ask())],
        ] as const;
      }),
      [SAY, 'task_exists', taken((headers) => say({}, headers))],
      [SAY, 'book_not_found', () => say({ book_id: 99 })],
      [SAY, 'session_busy', stopped(new DomainError('session_busy', 'x'), () => say())],
      [SAY, 'message_exists', stopped(new DomainError('message_exists', 'x'), () => say())],
      [SAID, 'validation_failed', () => client.get('/api/chat/sessions/s/messages?limit=0')],
      [CANCEL_SESSION, 'validation_failed', () => client.post('/api/chat/sessions/s/cancel', { message_id: 7 })],
      [TASKS, 'validation_failed', () => client.get('/api/tasks?state=x')],
      [TASK, 'task_not_found', () => client.get(`/api/tasks/${ID}`)],
      [RESULT, 'task_not_found', () => client.get(`/api/tasks/${ID}/result`)],
      [EVENTS, 'task_not_found', () => client.get(`/api/tasks/${ID}/events`)],
      [CANCEL, 'task_not_found', () => client.post(`/api/tasks/${ID}/cancel`, {})],
      [RESUME, 'task_not_found', () => client.post(`/api/tasks/${ID}/resume`, undefined)],
      [RESUME, 'task_not_resumable', () => client.post(`/api/tasks/${quiz.task_id}/resume`, undefined)],
      ...[
        [RESUME, resumable] as const,
        [ANALYSE, () => analyse()] as const,
        [UPLOAD, () => upload([PNG])] as const,
        [RECLASSIFY, () => reclassify()] as const,
      ].flatMap(([route, ask]) =>
        [
          ['task_cancelled', new CancelledError()] as const,
          ['budget_exceeded', new CancelledError('budget')] as const,
          ['task_exists', new DomainError('task_exists', 'x')] as const,
          ['draining', new DrainingError()] as const,
        ].map(([code, error]) => [route, code, refused(error, ask)] as const),
      ),
      [ANALYSE, 'validation_failed', () => analyse('8', { goal: '' })],
      [ANALYSE, 'project_empty', () => analyse('9')],
      [ANALYSE, 'resource_not_found', () => analyse('8', { resource_ids: ['vm-2'] })],
      [ANALYSIS, 'task_not_found', () => client.get(`/api/projects/8/analyses/${ID}`)],
      [UPLOAD, 'validation_failed', () => upload([])],
      [UPLOAD, 'unsupported_media_type', () => upload([Buffer.from('text')])],
      [UPLOAD, 'document_empty', () => upload([Buffer.alloc(0)])],
      [UPLOAD, 'file_too_large', () => upload([Buffer.concat([PNG, Buffer.alloc(MOST_BYTES)])])],
      [UPLOAD, 'too_many_files', () => upload([PNG, PNG, PNG])],
      [RECLASSIFY, 'book_not_found', () => reclassify({ book_id: 99 })],
      [RECLASSIFY, 'document_not_found', () => reclassify({ document_ids: [ID] })],
      [RECLASSIFY, 'documents_apart', () => reclassify({ document_ids: [DOCUMENT_ID, BUSY_DOCUMENT_ID] })],
      [RECLASSIFY, 'document_in_use', () => reclassify({ book_id: 2003 })],
      [DOCUMENTS, 'validation_failed', () => client.get('/api/documents?cursor=x')],
      [DOCUMENT, 'document_not_found', () => client.get(`/api/documents/${ID}`)],
      [DELETE_DOCUMENT, 'document_not_found', () => remove(`/api/documents/${ID}`)],
      [DELETE_DOCUMENT, 'document_in_use', () => remove(`/api/documents/${BUSY_DOCUMENT_ID}`)],
      [BOOK, 'book_not_found', () => client.get('/api/books/99')],
      [DELETE_BOOK, 'book_not_found', () => remove('/api/books/1')],
      [CANCEL_MANY, 'validation_failed', () => client.post('/api/tasks/cancel', {})],
      [CANCEL_PROJECT, 'validation_failed', () => client.post('/api/projects/7/cancel-tasks', { wait_ms: -1 })],
      [PUT_RESOURCES, 'validation_failed', () => putResources([{ id: 'vm-1' }])],
      [PUT_RESOURCES, 'payload_too_large', () => putResources([{ ...VM, notes: 'x'.repeat(8 * 1_048_576) }])],
      [PUT_RESOURCES, 'resource_unusable', () => putResources([{ ...VM, name: 'a\0' }])],
      [USAGE, 'validation_failed', () => client.get('/api/usage?from=yesterday')],
      [USAGE, 'admin_required', () => client.get('/api/usage?owner=somebody')],
      [RESOURCES, 'validation_failed', () => client.get('/api/projects/7/resources?limit=0')],
    ];

    it('with every problem of its own seen', () => {
      const seen = new Set(PROBLEM_ROWS.map(([route, code]) => `${route} ${code}`));
      const general = new Set([...EVERYWHERE, ...WITH_INPUT]);
      const own = (route: string): string[] => api.codesOf(route).filter((code) => !general.has(code));
      const published = ours().flatMap((route) => own(route).map((code) => `${route} ${code}`));
      expect(published.filter((each) => !seen.has(each))).toEqual([]);
    });

    it.each([
      [GENERATE, 'quiz', 504, 'deadline_exceeded', generate],
      [VALIDATE, 'answer_grade', 504, 'deadline_exceeded', validate],
      [GENERATE, 'quiz', 409, 'task_cancelled', generate],
      [VALIDATE, 'answer_grade', 409, 'task_cancelled', validate],
    ] as const)('%s, stopped in %s: %i %s, with the receipt', async (route, purpose, status, code, ask) => {
      app.model.script(purpose, { stallAfter: 1 });
      const id = randomUUID();
      const call = ask(
        { ...(route === VALIDATE && { answer: id }) },
        { 'x-task-id': id, ...(status === 504 && { 'x-deadline-ms': '700' }) },
      );
      await app.model.called(purpose);
      if (status === 409) await client.post(`/api/tasks/${id}/cancel`, {}).answer;
      const answer = (await call.answer)!;
      expect(answer.json()).toMatchObject({ status, code, task_id: id, receipt: { confirmed: true } });
      expect(await api.misfitOf(route, answer)).toBeUndefined();
      const { receipt, ...rest } = answer.json<{ receipt: object }>();
      for (const body of [
        { ...rest, receipt: { ...receipt, stage: 7 } },
        { ...rest, receipt, more: 1 },
      ]) {
        expect(await api.misfitOf(route, { ...answer, text: JSON.stringify(body) })).toContain('body');
      }
    });

    it.each(PROBLEM_ROWS)('%s: %s', async (route, code, ask) => {
      const answer = (await ask().answer)!;
      expect(answer.json<Problem>().code).toBe(code);
      expect(await api.misfitOf(route, answer)).toBeUndefined();
    });
  });
});
