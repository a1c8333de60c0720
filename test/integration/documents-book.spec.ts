import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { backends, type Backend } from '../support/backends.js';
import { DocumentClient } from '../support/document-client.js';
import { chaptersFile, purposesOf, scriptBooks } from '../support/document-model.js';
import { scannedPdf } from '../support/pdfs.js';
import { Learner } from '../support/quiz-client.js';
import { rowsOf } from '../support/rows.js';
import { answerOf } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

describe.each(backends)('an upload becomes a book, on %s', (backend: Backend) => {
  let app: TestApp;
  let learner: DocumentClient;

  beforeAll(async () => {
    app = await startTestApp({ backend });
    learner = await DocumentClient.of(app);
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(() => app.close());

  it('with chapters of all its files in the order of the catalogue, from which a quiz is made at once', async () => {
    scriptBooks(app);
    const files = [await chaptersFile('one.pdf', ['Tea', 'Coffee']), await chaptersFile('two.pdf', ['Trains'])];
    const { task_id, documents } = await learner.upload(files);
    expect(documents.map(({ name, media_type, bytes }) => ({ name, media_type, bytes }))).toEqual(
      files.map(({ name, bytes }) => ({ name, media_type: 'application/pdf', bytes: bytes.length })),
    );
    const result = await learner.completed(task_id);
    expect(result.title).toBe('The travel book');
    expect(result.chapters.map(({ title, level }) => [title, level])).toEqual([
      ['Trains', 'A2'],
      ['Tea', 'A2'],
      ['Coffee', 'A2'],
    ]);
    expect(result.documents.map(({ name, state }) => [name, state])).toEqual([
      ['one.pdf', 'catalogued'],
      ['two.pdf', 'catalogued'],
    ]);
    const book = (await learner.books()).find(({ id }) => id === result.book_id);
    expect(book).toEqual({
      id: result.book_id,
      title: 'The travel book',
      language: 'en',
      level: 'A2',
      subject: 'English for travellers',
      chapters: 3,
      is_private: true,
    });
    const quiz = { book_id: result.book_id, chapter_id: result.chapters[1]!.id, exercise_type: 'reading_comprehension', question_count: 1 };
    expect((await new Learner(learner.client).makeQuiz(quiz)).questions).toHaveLength(1);
    expect(await learner.task(task_id)).toMatchObject({ kind: 'document_ingestion', progress: { done: 2, total: 2 } });
  });

  it('whose passages lie in the chapter of their page, embedded by the model and found there', async () => {
    scriptBooks(app);
    const { book_id, chapters } = await learner.makeBook([await chaptersFile('three.pdf', ['Soup', 'Bread'])]);
    const passages = await rowsOf<{ chapter_id: number; ordinal: number; page: number; text: string; embedding_model: string }>(
      app,
      `select p.* from passages p join chapters c on c.id = p.chapter_id where c.book_id = ${book_id} order by p.page, p.ordinal`,
    );
    expect(passages.map(({ chapter_id, page }) => [chapter_id, page])).toEqual(chapters.map(({ id }, index) => [id, index + 1]));
    expect(passages.map(({ text }) => text.includes('soup'))).toEqual([true, false]);
    expect(passages.every((each) => each.embedding_model === 'text-embedding-3-small')).toBe(true);
    expect(await rowsOf(app, 'select * from document_chunks')).toEqual([]);
  });

  it('under the title that its owner gave it', async () => {
    scriptBooks(app);
    const { title, book_id } = await learner.makeBook([await chaptersFile('x.pdf', ['Rice'])], { title: '  My own words ' });
    expect(title).toBe('My own words');
    expect((await learner.books()).find(({ id }) => id === book_id)?.title).toBe('My own words');
  });

  it('and leaves no file behind', async () => {
    scriptBooks(app);
    const { documents } = await learner.makeBook([await chaptersFile('x.pdf', ['Rice'])]);
    expect(await rowsOf(app, 'select id from blobs union all select blob_id from blob_chunks')).toEqual([]);
    expect(await rowsOf(app, `select blob_id from documents where id = '${documents[0]!.id}'`)).toEqual([{ blob_id: null }]);
  });

  it('for one classification and one embedding a file, and one catalogue', async () => {
    scriptBooks(app);
    await learner.makeBook([await chaptersFile('x.pdf', ['Rice'])]);
    expect(purposesOf(app)).toEqual(['document_classification', 'embeddings', 'book_catalogue']);
  });

  it('without the file that nobody could read, which says why and whose file goes with the end of the task', async () => {
    scriptBooks(app);
    const files = [await chaptersFile('good.pdf', ['Rice']), { name: 'scan.pdf', bytes: await scannedPdf(2) }];
    const { documents, chapters } = await learner.makeBook(files);
    expect(chapters.map(({ title }) => title)).toEqual(['Rice']);
    const scan = documents.find(({ name }) => name === 'scan.pdf')!;
    const message = 'scan.pdf has no text layer and no vision model: set VISION_MODEL.';
    expect(await learner.document(scan.id)).toMatchObject({
      state: 'failed',
      error: { code: 'document_not_readable', message },
      pages_without_text: [1, 2],
      book_id: null,
    });
    expect(await rowsOf(app, 'select id from blobs where expires_at is null')).toEqual([]);
  });

  it('or fails with the reasons of all files where none could be read', async () => {
    const { task_id } = await learner.upload([{ name: 'scan.pdf', bytes: await scannedPdf() }]);
    const { state, error } = await learner.ended(task_id);
    expect(state).toBe('failed');
    expect(error).toEqual({ code: 'no_document_readable', message: 'scan.pdf has no text layer and no vision model: set VISION_MODEL.' });
    expect(purposesOf(app)).toEqual([]);
  });

  it('is its owner`s alone: to somebody else all of it is as unknown', async () => {
    scriptBooks(app);
    const { book_id, chapters, documents, task_id } = await learner.makeBook([await chaptersFile('x.pdf', ['Rice'])]);
    const stranger = await DocumentClient.of(app, 'stranger');
    const quiz = (id: number, chapter: number) => ({ book_id: id, chapter_id: chapter, exercise_type: 'mixed' });
    const say = (id: number) => ({ content: 'hello', book_id: id });
    const asked = async (path: string, body?: object, method?: string): Promise<{ status: number; text: string }> => {
      const { status, text } = await answerOf(stranger.client.call({ method: method ?? (body ? 'POST' : 'GET'), path, body }));
      return { status, text };
    };
    const unknown = '00000000-0000-4000-8000-000000000000';
    const pairs = [
      ['GET', '/api/books/', String(book_id), '987654', ''],
      ['DELETE', '/api/books/', String(book_id), '987654', ''],
      ['GET', '/api/books/', String(book_id), '987654', '/chapters'],
      ['GET', '/api/documents/', documents[0]!.id, unknown, ''],
      ['DELETE', '/api/documents/', documents[0]!.id, unknown, ''],
      ['GET', '/api/tasks/', task_id, unknown, '/result'],
    ] as const;
    for (const [method, path, theirs, nobodys, rest] of pairs) {
      const one = await asked(path + theirs + rest, undefined, method);
      const other = await asked(path + nobodys + rest, undefined, method);
      expect([method, path, one.status]).toEqual([method, path, 404]);
      expect(one.text.replace(theirs, '')).toBe(other.text.replace(nobodys, ''));
    }
    const bodies = [
      ['/api/quizzes/generate', quiz(book_id, chapters[0]!.id), quiz(987654, chapters[0]!.id)],
      ['/api/chat/sessions/s/messages', say(book_id), say(987654)],
      ['/api/documents/reclassify', { book_id }, { book_id: 987654 }],
      ['/api/documents/reclassify', { document_ids: [documents[0]!.id] }, { document_ids: [unknown] }],
    ] as const;
    for (const [path, theirs, nobodys] of bodies) {
      const [one, other] = [await asked(path, theirs), await asked(path, nobodys)];
      expect([path, one.status]).toEqual([path, 404]);
      expect(one.text.replace(String(book_id), '').replace(documents[0]!.id, '')).toBe(
        other.text.replace('987654', '').replace(unknown, ''),
      );
    }
    expect((await stranger.books()).map(({ id }) => id)).toEqual([1]);
    expect((await answerOf(stranger.client.get('/api/documents'))).json()).toEqual({ documents: [] });
    expect((await learner.document(documents[0]!.id)).state).toBe('catalogued');
  });
});
