import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AbortContext } from '../../src/abort/index.js';
import { BookRemovalRepository } from '../../src/content/index.js';
import type { Problem } from '../../src/problems/index.js';
import { QuizGraph } from '../../src/quizzes/quiz.graph.js';
import { Gate } from '../../src/testing/index.js';
import { backends } from '../support/backends.js';
import { DocumentClient, type BookResult } from '../support/document-client.js';
import { chaptersFile, scriptBooks } from '../support/document-model.js';
import { holdAfter } from '../support/moments.js';
import { Learner } from '../support/quiz-client.js';
import { rowsOf } from '../support/rows.js';
import { answerOf, newId } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

describe('deleting a book', () => {
  let app: TestApp;
  let learner: DocumentClient;

  beforeAll(async () => {
    app = await startTestApp({ backend: backends[0] });
    learner = await DocumentClient.of(app);
  }, 60_000);
  afterEach(() => {
    jest.restoreAllMocks();
    app.reset();
  });
  afterAll(() => app.close());

  async function makeBook(): Promise<BookResult> {
    scriptBooks(app);
    const book = await learner.makeBook([await chaptersFile('one.pdf', ['Tea'])]);
    app.reset();
    return book;
  }
  const orderFrom = ({ book_id, chapters }: BookResult) => ({
    book_id,
    chapter_id: chapters[0]!.id,
    exercise_type: 'reading_comprehension',
    question_count: 1,
  });
  const remove = (id: number) => learner.delete(`/api/books/${id}`);

  it('takes its chapters, passages, quizzes and their results along', async () => {
    const book = await makeBook();
    const student = new Learner(learner.client);
    const quiz = await student.makeQuiz(orderFrom(book));
    await student.answer(quiz, quiz.questions[0]!, 'something');
    expect((await remove(book.book_id)).json()).toEqual({ id: book.book_id, cancelled_task_ids: [] });
    expect((await answerOf(learner.client.get(`/api/books/${book.book_id}`))).status).toBe(404);
    expect((await answerOf(learner.client.get(`/api/quizzes/${quiz.id}`))).status).toBe(404);
    const left = `select id from chapters where book_id = ${book.book_id} union all select id from passages where document_id is not null
      union all select id from question_results where book_id = ${book.book_id}`;
    expect(await rowsOf(app, left)).toEqual([]);
    expect((await remove(book.book_id)).json<Problem>().code).toBe('book_not_found');
  });

  it('is for its owner: the sample book is nobody`s', async () => {
    expect((await remove(1)).json<Problem>()).toMatchObject({ status: 404, code: 'book_not_found' });
    const book = await makeBook();
    const admin = await DocumentClient.of(app, 'admin', { scope: 'hangup:admin' });
    expect((await answerOf(admin.client.get(`/api/books/${book.book_id}`))).status).toBe(200);
    expect((await admin.delete(`/api/books/${book.book_id}`)).status).toBe(404);
    expect((await answerOf(learner.client.get('/api/books/1'))).json()).toMatchObject({ is_private: false });
  });

  it('cancels what uses it first, and waits until that has stopped', async () => {
    const book = await makeBook();
    app.model.script('quiz', { holdAfter: 1, gate: new Gate() });
    const id = newId();
    const call = learner.quiz(id, {}, orderFrom(book));
    const held = await app.model.called('quiz');
    expect((await remove(book.book_id)).json()).toEqual({ id: book.book_id, cancelled_task_ids: [id] });
    expect(held.outcome).toBe('client_closed');
    expect((await answerOf(call)).json<Problem>()).toMatchObject({ code: 'task_cancelled', detail: 'The book was deleted.' });
  });

  it('makes a quiz that was about to be stored fail as one of an unknown book, and not otherwise', async () => {
    const book = await makeBook();
    const { gate } = holdAfter(app.app.get(AbortContext), app.app.get(QuizGraph, { strict: false }), 'run');
    const call = learner.quiz(newId(), {}, orderFrom(book));
    await gate.reached;
    const removal = app.app.get(BookRemovalRepository, { strict: false });
    expect(await app.app.get(AbortContext).detached('a test', () => removal.delete('learner', book.book_id))).toBe(true);
    gate.open();
    expect((await answerOf(call)).json<Problem>()).toMatchObject({ status: 404, code: 'book_not_found' });
    expect(app.logs.at('error')).toEqual([]);
  });
});
