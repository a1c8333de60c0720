import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Problem } from '../../src/problems/index.js';
import { ContentRepository } from '../../src/content/index.js';
import type { Answer, Call, CallOptions, SocketClient } from '../../src/testing/index.js';
import { backends, type Backend } from '../support/backends.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const QUIZ = { book_id: 1, chapter_id: 101, exercise_type: 'mixed', question_count: 2 };
const ID = '6a0b1f4e-5d7c-4c1b-9a53-0d6f2b7c8e91';
const ANSWER = { quiz_id: randomUUID(), question_id: randomUUID(), answer: 'x' };
const cursor = (text: string): string => `/api/quizzes?cursor=${Buffer.from(text).toString('base64url')}`;

describe.each(backends)('what cannot be answered, on %s', (backend: Backend) => {
  let app: TestApp;
  let client: SocketClient;

  beforeAll(async () => {
    app = await startTestApp({ backend });
    client = await app.client();
  }, 60_000);
  afterEach(() => {
    jest.restoreAllMocks();
    app.reset();
  });
  afterAll(() => app.close());

  /** The problem that it is answered with, which must be whole. */
  async function problemOf(call: Call, status: number, code: string): Promise<Problem & { readonly answer: Answer }> {
    const answer = (await call.answer)!;
    const problem = answer.json<Problem>();
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(problem).toMatchObject({ type: 'about:blank', title: expect.any(String), detail: expect.any(String) });
    expect({ answered: answer.status, status: problem.status, code: problem.code }).toEqual({ answered: status, status, code });
    return { ...problem, answer };
  }

  const pointersOf = ({ errors = [] }: Problem) => errors.map(({ pointer }) => pointer);
  const raw = (contentType: string): CallOptions => ({
    method: 'POST',
    path: '/api/quizzes/generate',
    headers: { 'content-type': contentType },
  });

  it.each(['{"book_id": 1,', 'undefined', '\u{feff}', '{"__proto__": {"isAdmin": true}}'])(
    'is a body that is no JSON: %j',
    async (body) => {
      const headers = { 'content-type': 'application/json' };
      const answer = await fetch(`${app.url}/api/quizzes/generate`, { method: 'POST', headers, body });
      expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
      expect([answer.status, await answer.json()]).toEqual([400, expect.objectContaining({ code: 'bad_request', status: 400 })]);
    },
  );

  it('is no body where fields are needed, also where JSON is announced', async () => {
    expect(pointersOf(await problemOf(client.call(raw('application/json')), 400, 'validation_failed'))).toEqual(['/body']);
  });

  it('is a body of another media type', async () => {
    await problemOf(client.call({ ...raw('application/xml'), body: QUIZ }), 415, 'unsupported_media_type');
    expect(pointersOf(await problemOf(client.call({ ...raw('text/plain'), body: QUIZ }), 400, 'validation_failed'))).toEqual(['/body']);
  });

  it('is a body of more than a megabyte', async () => {
    await problemOf(client.post('/api/quizzes/validate-answer', { ...ANSWER, answer: 'x'.repeat(1_048_577) }), 413, 'payload_too_large');
  });

  it.each([
    ['GET', '/nowhere', 404, 'route_not_found'],
    ['DELETE', '/api/books', 404, 'route_not_found'],
    ['GET', '/api/quizzes/%E0%A4%A', 400, 'bad_request'],
    ['GET', `/api/quizzes/${'a'.repeat(300)}`, 414, 'uri_too_long'],
  ])('is a route that is none: %s %s', async (method, path, status, code) => {
    await problemOf(client.call({ method, path }), status, code);
  });

  it.each([
    ['book_id', '1'],
    ['book_id', 0],
    ['book_id', 2 ** 31],
    ['chapter_id', null],
    ['chapter_id', 1.5],
    ['exercise_type', 'essay'],
    ['question_count', 0],
    ['question_count', 21],
    ['question_count', '5'],
  ])('is a quiz whose %s is %j', async (field, value) => {
    const problem = await problemOf(client.post('/api/quizzes/generate', { ...QUIZ, [field]: value }), 400, 'validation_failed');
    expect(pointersOf(problem)).toEqual([`/body/${field}`]);
    expect(problem.detail).toMatch(new RegExp(`^/body/${field}: `));
  });

  it.each(['book_id', 'chapter_id', 'exercise_type'])('is a quiz without %s', async (field) => {
    const problem = await problemOf(client.post('/api/quizzes/generate', { ...QUIZ, [field]: undefined }), 400, 'validation_failed');
    expect(pointersOf(problem)).toEqual([`/body/${field}`]);
  });

  it.each([
    ['quiz_id', 'seven'],
    ['quiz_id', undefined],
    ['question_id', '00000000-0000-0000-0000-00000000000'],
    ['question_id', null],
    ['answer', undefined],
    ['answer', ''],
    ['answer', ' \n'],
    ['answer', 42],
    ['answer', 'x'.repeat(4001)],
    ['answer', 'a NUL: \0'],
    ['answer', 'half an emoji: \ud83d'],
  ])('is an answer whose %s is %j', async (field, value) => {
    const problem = await problemOf(client.post('/api/quizzes/validate-answer', { ...ANSWER, [field]: value }), 400, 'validation_failed');
    expect(pointersOf(problem)).toEqual([`/body/${field}`]);
  });

  it.each([null, [], 'text', 7])('is a body that is %j and no object', async (body) => {
    expect(pointersOf(await problemOf(client.post('/api/quizzes/generate', body), 400, 'validation_failed'))).toEqual(['/body']);
  });

  it('is several wrong fields at once, and all of them are named', async () => {
    const problem = await problemOf(client.post('/api/quizzes/generate', { question_count: 99 }), 400, 'validation_failed');
    expect(pointersOf(problem)).toEqual(['/body/book_id', '/body/chapter_id', '/body/exercise_type', '/body/question_count']);
  });

  it.each([
    [{ ...QUIZ, book_id: 99 }, 'book_not_found', 'There is no book 99.'],
    [{ ...QUIZ, chapter_id: 999 }, 'chapter_not_found', 'Book 1 has no chapter 999.'],
  ])('is a quiz on what does not exist: %j', async (body, code, detail) => {
    expect((await problemOf(client.post('/api/quizzes/generate', body), 404, code)).detail).toBe(detail);
    expect(app.model.journal).toEqual([]);
  });

  it('is a chapter list of a book that does not exist', async () => {
    await problemOf(client.get('/api/books/99/chapters'), 404, 'book_not_found');
  });

  it('is a quiz or a question that does not exist', async () => {
    await problemOf(client.get(`/api/quizzes/${ANSWER.quiz_id}`), 404, 'quiz_not_found');
    await problemOf(client.post('/api/quizzes/validate-answer', ANSWER), 404, 'quiz_not_found');
    const quiz = (await client.post('/api/quizzes/generate', QUIZ).answer)!.json<{ quiz: { id: string } }>().quiz;
    const problem = await problemOf(
      client.post('/api/quizzes/validate-answer', { ...ANSWER, quiz_id: quiz.id }),
      404,
      'question_not_found',
    );
    expect(problem.detail).toBe(`Quiz ${quiz.id} has no question ${ANSWER.question_id}.`);
  });

  it.each(['abc', '1.5', '0', '-1', '99999999999', '%20', '1e999'])('is a book with the id %s', async (id) => {
    expect(pointersOf(await problemOf(client.get(`/api/books/${id}/chapters`), 400, 'validation_failed'))).toEqual(['/param/id']);
  });

  it.each(['abc', '123', "'; drop table quizzes; --", '00000000-0000-0000-0000-00000000000g'])('is a quiz with the id %s', async (id) => {
    const problem = await problemOf(client.get(`/api/quizzes/${encodeURIComponent(id)}`), 400, 'validation_failed');
    expect(pointersOf(problem)).toEqual(['/param/id']);
  });

  it.each(['0', '101', '-1', '1.5', 'x', '', '1&limit=2'])('is a list with the limit %s', async (limit) => {
    expect(pointersOf(await problemOf(client.get(`/api/quizzes?limit=${limit}`), 400, 'validation_failed'))).toEqual(['/query/limit']);
  });

  it.each([
    '',
    'x',
    ID,
    `2026 ${ID}`,
    `2026-02-30T00:00:00.000Z ${ID}`,
    `0000-01-01T00:00:00.000Z ${ID}`,
    `+010000-01-01T00:00:00.000Z ${ID}`,
    '2026-11-01T00:00:00.000Z ------------------------------------',
    `2026-11-01T00:00:00.000Z ${ID} more`,
  ])('is a list after the cursor "%s"', async (text) => {
    expect(pointersOf(await problemOf(client.get(cursor(text)), 400, 'validation_failed'))).toEqual(['/query/cursor']);
  });

  it('is what nobody foresaw: a 500 without details, and one error in the log with them', async () => {
    jest.spyOn(app.app.get(ContentRepository, { strict: false }), 'listBooks').mockRejectedValue(new Error('the password is hunter2'));
    const { answer } = await problemOf(client.get('/api/books'), 500, 'internal_error');
    expect(answer.text).not.toContain('hunter2');
    expect(app.logs.at('error')).toEqual([
      expect.objectContaining({
        msg: '[http] Unexpected failure',
        err: expect.objectContaining({ message: 'the password is hunter2', stack: expect.stringContaining('problems.spec') }),
      }),
    ]);
  });

  it('is never an error in the log where the caller is at fault', async () => {
    await problemOf(client.get('/nowhere'), 404, 'route_not_found');
    await problemOf(client.post('/api/quizzes/generate', {}), 400, 'validation_failed');
    await problemOf(client.get(`/api/quizzes/${ANSWER.quiz_id}`), 404, 'quiz_not_found');
    expect([...app.logs.at('error'), ...app.logs.at('warn')]).toEqual([]);
  });
});
