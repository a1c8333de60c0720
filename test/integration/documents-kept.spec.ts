import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { BlobStore, BlobSweep } from '../../src/blobs/index.js';
import { DocumentSweep } from '../../src/documents/document-sweep.service.js';
import type { DocumentView } from '../../src/documents/documents.dto.js';
import type { ModelCall } from '../../src/llm/offline/index.js';
import { Gate } from '../../src/testing/index.js';
import { backends } from '../support/backends.js';
import { DocumentClient } from '../support/document-client.js';
import { chaptersFile, purposesOf, scriptBooks } from '../support/document-model.js';
import { materialOf } from '../support/quiz-model.js';
import { drawPdf, encryptedPdf, scannedPdf } from '../support/pdfs.js';
import { rowsOf } from '../support/rows.js';
import { answerOf } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

describe('documents', () => {
  let app: TestApp;
  let learner: DocumentClient;

  beforeAll(async () => {
    app = await startTestApp({ backend: backends[0] });
    learner = await DocumentClient.of(app);
  }, 60_000);
  afterEach(async () => {
    jest.restoreAllMocks();
    await rowsOf(app, 'delete from documents');
    await rowsOf(app, 'delete from blobs');
    app.reset();
  });
  afterAll(() => app.close());

  const list = async (query = ''): Promise<{ documents: DocumentView[]; next_cursor?: string }> =>
    (await answerOf(learner.client.get(`/api/documents${query}`))).json();
  const blobs = () => rowsOf<{ id: string; expires_at: Date | null }>(app, 'select id, expires_at from blobs');
  const sweep = async (): Promise<void> => {
    await app.app.get(DocumentSweep, { strict: false }).run();
    await app.app.get(BlobSweep, { strict: false }).run();
  };
  /** A task whose only file is kept, because it was cancelled while the file was read. */
  async function stopped(): Promise<{ task_id: string; document: string }> {
    const { task_id, documents } = await learner.upload([{ name: 'scan.pdf', bytes: await scannedPdf() }]);
    expect((await learner.ended(task_id)).state).toBe('failed');
    return { task_id, document: documents[0]!.id };
  }

  it('are listed page by page, the newest first, each with what is known of it', async () => {
    scriptBooks(app);
    for (const name of ['one.pdf', 'two.pdf', 'three.pdf']) await learner.makeBook([await chaptersFile(name, ['Tea', 'Coffee'])]);
    const first = await list('?limit=2');
    expect(first.documents.map(({ name }) => name)).toEqual(['three.pdf', 'two.pdf']);
    const second = await list(`?limit=2&cursor=${first.next_cursor}`);
    expect(second.documents.map(({ name }) => name)).toEqual(['one.pdf']);
    expect(second.next_cursor).toBeUndefined();
    expect(second.documents[0]).toEqual({
      id: expect.any(String),
      name: 'one.pdf',
      media_type: 'application/pdf',
      bytes: expect.any(Number),
      task_id: expect.any(String),
      state: 'catalogued',
      pages: 2,
      pages_without_text: [],
      classification: {
        title: 'one.pdf',
        language: 'en',
        level: 'A2',
        subject: 'English for travellers',
        chapters: [
          { title: 'Tea', first_page: 1 },
          { title: 'Coffee', first_page: 2 },
        ],
      },
      book_id: expect.any(Number),
      error: null,
      created_at: expect.any(String),
    });
    expect(await learner.document(second.documents[0]!.id)).toEqual(second.documents[0]);
  });

  it('are deleted with all that was read from them, and the book that they became stays', async () => {
    scriptBooks(app);
    const { documents, book_id } = await learner.makeBook([await chaptersFile('x.pdf', ['Tea'])]);
    const { id } = documents[0]!;
    expect((await learner.delete(`/api/documents/${id}`)).json()).toEqual({ id });
    expect((await learner.delete(`/api/documents/${id}`)).status).toBe(404);
    expect(await rowsOf(app, 'select document_id from document_pages')).toEqual([]);
    expect((await learner.books()).map((book) => book.id)).toContain(book_id);
  });

  it('take their file along when they are deleted, where it is still there', async () => {
    const { document } = await stopped();
    expect(await blobs()).toHaveLength(1);
    expect((await learner.delete(`/api/documents/${document}`)).status).toBe(200);
    expect(await blobs()).toEqual([]);
  });

  it('keep their file for as long as their task can be gone on with, and no longer', async () => {
    const { task_id, document } = await stopped();
    await sweep();
    expect(await blobs()).toEqual([{ id: expect.any(String), expires_at: null }]);
    await rowsOf(app, `delete from tasks where id = '${task_id}'`);
    await sweep();
    expect(await blobs()).toEqual([]);
    expect(await learner.document(document)).toMatchObject({ state: 'failed', pages_without_text: [1] });
  });

  it('are rid of a file later where it could not be removed at once', async () => {
    scriptBooks(app);
    const store = app.app.get(BlobStore, { strict: false });
    const broken = jest
      .spyOn(store as unknown as { erase(): Promise<void> }, 'erase')
      .mockRejectedValue(new Error('the disk is read-only'));
    await learner.makeBook([await chaptersFile('x.pdf', ['Tea'])]);
    expect(await blobs()).toEqual([{ id: expect.any(String), expires_at: expect.any(Date) }]);
    expect(app.logs.at('warn').map(({ msg }) => msg)).toContainEqual(expect.stringMatching(/^\[Blobs\] Blob .* could not be removed/));
    broken.mockRestore();
    await sweep();
    expect(await blobs()).toEqual([]);
  });

  it('that cannot be read say why: one that needs a password', async () => {
    const { task_id, documents } = await learner.upload([{ name: 'secret.pdf', bytes: await encryptedPdf('x', 'password') }]);
    expect(await learner.ended(task_id)).toMatchObject({ state: 'failed', error: { code: 'no_document_readable' } });
    expect(await learner.document(documents[0]!.id)).toMatchObject({ state: 'failed', error: { code: 'document_encrypted' } });
  });

  describe('with pages that are pictures, where there is a model that sees', () => {
    let seeing: TestApp;
    let client: DocumentClient;

    beforeAll(async () => {
      seeing = await startTestApp({ backend: backends[0], env: { VISION_MODEL: 'openai:gpt-4o' } });
      client = await DocumentClient.of(seeing);
    }, 60_000);
    afterEach(() => seeing.reset());
    afterAll(() => seeing.close());

    const transcribes = (call: ModelCall): boolean => call.kind === 'chat' && JSON.stringify(call.request).includes('transcribe_page');
    const words = (n: number): string => `Chapter ${n}: Page ${n}.\n\n${'The picture tells of tea and of the sea. '.repeat(6)}`;
    const seen = () => seeing.model.journal.filter(transcribes);

    it('are read by it, page by page, and a resume does not pay again for those that are stored', async () => {
      scriptBooks(seeing);
      seeing.model.script(transcribes, { hold: new Gate() });
      seeing.model.script(transcribes, { text: words(1) }, { times: 1 });
      const { task_id, documents } = await client.upload([{ name: 'scan.pdf', bytes: await scannedPdf(3) }]);
      const held = await seeing.model.called(transcribes, 2);
      expect(await client.cancelled(task_id, { wait_ms: 10_000 })).toMatchObject({ status: 'cancelled' });
      expect((await seeing.model.ended(held)).outcome).toBe('client_closed');
      expect((await client.document(documents[0]!.id)).pages_without_text).toEqual([2, 3]);
      seeing.reset();
      scriptBooks(seeing);
      seeing.model.script(transcribes, { text: words(2) });
      await client.completed(await client.resume(task_id));
      expect(seen()).toHaveLength(2);
      expect(await client.document(documents[0]!.id)).toMatchObject({ state: 'catalogued', pages: 3, pages_without_text: [] });
    });

    it('and a picture alone is a document of one page', async () => {
      scriptBooks(seeing);
      seeing.model.script(transcribes, { text: words(1) });
      const png = Buffer.from(PIXEL, 'base64');
      const { chapters, documents } = await client.makeBook([{ name: 'photo.png', bytes: png }]);
      expect(chapters.map(({ title }) => title)).toEqual(['Page 1']);
      expect(await client.document(documents[0]!.id)).toMatchObject({ media_type: 'image/png', pages: 1 });
      const [call] = seen();
      expect(JSON.stringify(call!.kind === 'chat' ? call!.request.messages : '')).toContain(PIXEL);
    });

    it('but pages with text of their own are not shown to it', async () => {
      scriptBooks(seeing);
      await client.makeBook([await chaptersFile('text.pdf', ['Tea'])]);
      expect(purposesOf(seeing)).toEqual(['document_classification', 'embeddings', 'book_catalogue']);
    });
  });

  it('with some pages that are pictures are read without them, which are named', async () => {
    scriptBooks(app);
    const bytes = await drawPdf((pdf) => {
      pdf.fontSize(11).text(`Chapter 1: Tea.\n\n${'Tea is easy to find in this town. '.repeat(20)}`);
      pdf.addPage().rect(100, 100, 200, 200).fill('#808080');
    });
    const { documents } = await learner.makeBook([{ name: 'mixed.pdf', bytes }]);
    expect(await learner.document(documents[0]!.id)).toMatchObject({ state: 'catalogued', pages: 2, pages_without_text: [2] });
    const [classified] = app.model.journal;
    expect(materialOf((classified as Extract<ModelCall, { kind: 'chat' }>).request)).toMatchObject({ page_count: 2 });
  });
});

/** A PNG of one pixel. */
const PIXEL = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
