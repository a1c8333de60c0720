import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Problem } from '../../src/problems/index.js';
import { Gate } from '../../src/testing/index.js';
import { backends } from '../support/backends.js';
import { DocumentClient, type BookResult } from '../support/document-client.js';
import { cataloguer, chaptersFile, classifier, classifies, purposesOf, scriptBooks } from '../support/document-model.js';
import { scannedPdf } from '../support/pdfs.js';
import { Learner } from '../support/quiz-client.js';
import { rowsOf } from '../support/rows.js';
import { answerOf, newId } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

describe('classifying documents anew', () => {
  let app: TestApp;
  let learner: DocumentClient;

  beforeAll(async () => {
    app = await startTestApp({ backend: backends[0] });
    learner = await DocumentClient.of(app);
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(() => app.close());

  const send = (body: object, headers: Record<string, string> = {}) =>
    answerOf(learner.client.post('/api/documents/reclassify', body, headers));
  async function reclassify(body: object): Promise<string> {
    const answer = await send(body);
    if (answer.status !== 202) throw new Error(`Not accepted: ${answer.text}`);
    return answer.json<{ task_id: string }>().task_id;
  }
  async function refusal(body: object): Promise<readonly [number, string]> {
    const { status, code } = (await send(body)).json<Problem>();
    return [status, code];
  }
  /** A book of two files with two chapters each. */
  async function makeBook(): Promise<BookResult> {
    scriptBooks(app);
    const files = [await chaptersFile('one.pdf', ['Tea', 'Coffee']), await chaptersFile('two.pdf', ['Trains', 'Buses'])];
    const book = await learner.makeBook(files);
    app.reset();
    return book;
  }
  /** From now on the model sees other chapters in the same pages, and another book in them. */
  function scriptOthers(): void {
    app.model.script('document_classification', classifier({ level: 'B1', prefix: 'New: ' }));
    app.model.script('book_catalogue', cataloguer({ title: 'The new book' }));
  }
  const passagesOf = (bookId: number) =>
    rowsOf<{ id: number; chapter_id: number; title: string; text: string }>(
      app,
      `select p.id, p.chapter_id, p.title, p.text from passages p join chapters c on c.id = p.chapter_id
       where c.book_id = ${bookId} order by p.id`,
    );
  const chaptersOf = async (bookId: number): Promise<{ id: number; title: string; level: string; passages: number }[]> =>
    (await answerOf(learner.client.get(`/api/books/${bookId}/chapters`))).json<{ chapters: never[] }>().chapters;

  it('keeps the book`s id and its passages, and gives them new chapters, for one classification a document and a catalogue', async () => {
    const { book_id } = await makeBook();
    const before = await passagesOf(book_id);
    scriptOthers();
    const result = await learner.completed(await reclassify({ book_id }));
    expect(result.book_id).toBe(book_id);
    expect(purposesOf(app)).toEqual(['document_classification', 'document_classification', 'book_catalogue']);
    const after = await passagesOf(book_id);
    expect(after.map(({ id, text }) => [id, text])).toEqual(before.map(({ id, text }) => [id, text]));
    expect(after.map(({ title }) => title)).toEqual(before.map(({ title }) => `New: ${title}`));
    const chapters = await chaptersOf(book_id);
    expect(chapters.map(({ id, title, level }) => ({ id, title, level }))).toEqual(result.chapters);
    expect(chapters.map(({ title, level, passages }) => [title, level, passages])).toEqual([
      ['New: Trains', 'B1', 1],
      ['New: Buses', 'B1', 1],
      ['New: Tea', 'B1', 1],
      ['New: Coffee', 'B1', 1],
    ]);
    expect((await learner.books()).find(({ id }) => id === book_id)).toMatchObject({ title: 'The new book', chapters: 4 });
  });

  it('lets quizzes go with their first question`s passage, answers and all', async () => {
    const { book_id, chapters } = await makeBook();
    const student = new Learner(learner.client);
    const order = { book_id, chapter_id: chapters[2]!.id, exercise_type: 'reading_comprehension', question_count: 1 };
    const quiz = await student.makeQuiz(order);
    await student.answer(quiz, quiz.questions[0]!, 'something');
    app.reset();
    scriptOthers();
    const result = await learner.completed(await reclassify({ book_id }));
    const moved = (await answerOf(learner.client.get(`/api/quizzes/${quiz.id}`))).json<{ chapter_id: number }>();
    expect(moved.chapter_id).toBe(result.chapters.find(({ title }) => title === 'New: Tea')!.id);
    expect((await student.answer(quiz, quiz.questions[0]!, 'something else')).correct_answer).not.toBe('');
  });

  it('of some documents of a book makes the whole book anew, the others as they were', async () => {
    const { book_id, documents } = await makeBook();
    scriptOthers();
    const two = documents.find(({ name }) => name === 'two.pdf')!;
    const result = await learner.completed(await reclassify({ document_ids: [two.id] }));
    expect(result.chapters.map(({ title }) => title)).toEqual(['New: Trains', 'New: Buses', 'Tea', 'Coffee']);
    expect(result.book_id).toBe(book_id);
    expect((await learner.tasks(`?scope=book:${book_id}`)).tasks[0]).toMatchObject({ kind: 'document_reclassification' });
  });

  it('cancelled during the catalogue leaves the book as it was, and is gone on with for the catalogue alone', async () => {
    const { book_id } = await makeBook();
    const before = [await passagesOf(book_id), await chaptersOf(book_id)];
    scriptOthers();
    app.model.script('book_catalogue', { holdAfter: 2, gate: new Gate() }, { times: 1 });
    const task_id = await reclassify({ book_id });
    const held = await app.model.called('book_catalogue');
    expect(await learner.cancelled(task_id, { wait_ms: 10_000 })).toMatchObject({ status: 'cancelled', receipt: { stage: 'catalogue' } });
    expect((await app.model.ended(held)).outcome).toBe('client_closed');
    expect([await passagesOf(book_id), await chaptersOf(book_id)]).toEqual(before);
    expect(await learner.task(task_id)).toMatchObject({ state: 'cancelled', cancel: { cause: 'user' }, progress: { done: 2, total: 2 } });
    app.reset();
    scriptOthers();
    const result = await learner.completed(await learner.resume(task_id));
    expect(result.title).toBe('The new book');
    expect(purposesOf(app)).toEqual(['book_catalogue']);
    expect((await passagesOf(book_id)).map(({ id }) => id)).toEqual((before[0] as { id: number }[]).map(({ id }) => id));
  });

  it('cancelled with its book`s scope stops during a classification', async () => {
    const { book_id } = await makeBook();
    scriptOthers();
    app.model.script(classifies('two.pdf'), { holdAfter: 2, gate: new Gate() });
    const task_id = await reclassify({ book_id });
    const held = await app.model.called(classifies('two.pdf'));
    await answerOf(learner.client.post('/api/tasks/cancel', { scope: `book:${book_id}` }));
    expect((await app.model.ended(held)).outcome).toBe('client_closed');
    expect(await learner.ended(task_id)).toMatchObject({ state: 'cancelled', cancel: { cause: 'scope' } });
  });

  it('makes a book of documents that had become none', async () => {
    scriptBooks(app);
    app.model.script('book_catalogue', { status: 400, body: {} });
    const { task_id, documents } = await learner.upload([await chaptersFile('one.pdf', ['Tea'])]);
    expect((await learner.ended(task_id)).state).toBe('failed');
    app.reset();
    scriptOthers();
    const result = await learner.completed(await reclassify({ document_ids: documents.map(({ id }) => id) }));
    expect(result.chapters.map(({ title }) => title)).toEqual(['New: Tea']);
    expect(purposesOf(app)).toEqual(['document_classification', 'book_catalogue']);
    expect(await learner.document(documents[0]!.id)).toMatchObject({ state: 'catalogued', book_id: result.book_id });
  });

  it('makes a book again of documents whose book was deleted, and embeds them anew', async () => {
    const { book_id, documents } = await makeBook();
    expect((await learner.delete(`/api/books/${book_id}`)).status).toBe(200);
    expect(await learner.document(documents[0]!.id)).toMatchObject({ state: 'classified', book_id: null });
    scriptOthers();
    const result = await learner.completed(await reclassify({ document_ids: documents.map(({ id }) => id) }));
    expect(result.book_id).not.toBe(book_id);
    expect((await chaptersOf(result.book_id)).map(({ passages }) => passages)).toEqual([1, 1, 1, 1]);
  });

  it('changes nothing where no document could be classified', async () => {
    const { book_id } = await makeBook();
    const before = [await passagesOf(book_id), await chaptersOf(book_id)];
    app.model.script('document_classification', { status: 400, body: {} });
    expect(await learner.ended(await reclassify({ book_id }))).toMatchObject({ state: 'failed', error: { code: 'no_document_readable' } });
    expect([await passagesOf(book_id), await chaptersOf(book_id)]).toEqual(before);
  });

  it('sent again under its id is the same task', async () => {
    const { book_id } = await makeBook();
    scriptOthers();
    const headers = { 'x-task-id': newId() };
    const [first, again] = [await send({ book_id }, headers), await send({ book_id }, headers)];
    expect([first.status, again.status, again.json()]).toEqual([202, 202, first.json()]);
    await learner.completed(headers['x-task-id']);
  });

  it('is refused for what is unknown, apart, or in use', async () => {
    const [one, two] = [await makeBook(), await makeBook()];
    expect(await refusal({})).toEqual([400, 'validation_failed']);
    expect(await refusal({ book_id: 1 })).toEqual([404, 'book_not_found']);
    expect(await refusal({ document_ids: [newId()] })).toEqual([404, 'document_not_found']);
    expect(await refusal({ document_ids: [one.documents[0]!.id, two.documents[0]!.id] })).toEqual([409, 'documents_apart']);
    scriptOthers();
    app.model.script('document_classification', { hold: new Gate() });
    const task_id = await reclassify({ book_id: one.book_id });
    await app.model.called('document_classification');
    expect(await refusal({ book_id: one.book_id })).toEqual([409, 'document_in_use']);
    expect((await learner.delete(`/api/documents/${one.documents[0]!.id}`)).json<Problem>().code).toBe('document_in_use');
    await learner.cancelled(task_id, { wait_ms: 10_000 });
  });

  it('takes a document that is added later by a resume into the same book', async () => {
    scriptBooks(app);
    app.model.script(classifies('two.pdf'), { status: 400, body: {} });
    const files = [await chaptersFile('one.pdf', ['Tea']), await chaptersFile('two.pdf', ['Trains'])];
    const { task_id, book_id, chapters } = await learner.makeBook([...files, { name: 'scan.pdf', bytes: await scannedPdf() }]);
    expect(chapters.map(({ title }) => title)).toEqual(['Tea']);
    const before = await passagesOf(book_id);
    app.reset();
    scriptBooks(app);
    const result = await learner.completed(await learner.resume(task_id));
    expect(result.book_id).toBe(book_id);
    expect(result.chapters.map(({ title }) => title)).toEqual(['Trains', 'Tea']);
    expect((await passagesOf(book_id)).map(({ id }) => id)).toEqual(expect.arrayContaining(before.map(({ id }) => id)));
    expect(purposesOf(app)).toEqual(['document_classification', 'embeddings', 'book_catalogue']);
  });
});
