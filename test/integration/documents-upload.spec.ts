import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { Problem } from '../../src/problems/index.js';
import { eventually, Gate } from '../../src/testing/index.js';
import { backends } from '../support/backends.js';
import { DocumentClient, type SentFile } from '../support/document-client.js';
import { chaptersFile, pdfFile, scriptBooks } from '../support/document-model.js';
import { emptyFile, lateHeaderPdf, textFile } from '../support/pdfs.js';
import { rowsOf } from '../support/rows.js';
import { answerOf, newId } from '../support/task-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const MOST_FILES = 3;
const MOST_BYTES = 700_000;
const LIMITS = { UPLOAD_MAX_FILES: String(MOST_FILES), UPLOAD_MAX_FILE_BYTES: String(MOST_BYTES) };

describe('an upload', () => {
  let app: TestApp;
  let learner: DocumentClient;
  let good: SentFile;

  beforeAll(async () => {
    app = await startTestApp({ backend: backends[0], env: LIMITS });
    learner = await DocumentClient.of(app);
    good = await chaptersFile('good.pdf', ['Rice']);
  }, 60_000);
  afterEach(async () => {
    await rowsOf(app, 'delete from documents');
    app.reset();
  });
  afterAll(() => app.close());

  const kept = async (): Promise<{ blobs: number; documents: number; tasks: number }> => {
    const count = (table: string): string => `(select count(*)::int from ${table})`;
    const query = `select ${count('blobs')} as blobs, ${count('documents')} as documents, ${count("tasks where state <> 'cancelled'")} as tasks`;
    const [row] = await rowsOf<{ blobs: number; documents: number; tasks: number }>(app, query);
    return row!;
  };
  const large = async (name: string, bytes: number): Promise<SentFile> => {
    const { bytes: pdf } = await pdfFile(name, ['x']);
    return { name, bytes: Buffer.concat([pdf, Buffer.alloc(bytes - pdf.length, ' ')]) };
  };

  describe('is refused as a whole, by the name of the file', () => {
    const REFUSALS: readonly (readonly [what: string, status: number, code: string, files: () => Promise<SentFile[]>, name: string])[] = [
      ['an empty file', 422, 'document_empty', () => Promise.resolve([{ name: 'none.pdf', bytes: emptyFile() }]), 'none.pdf'],
      [
        'a text that says that it is a PDF',
        415,
        'unsupported_media_type',
        () => Promise.resolve([{ name: 'diary.pdf', bytes: textFile(), type: 'application/pdf' }]),
        'diary.pdf',
      ],
      ['one byte too many', 413, 'file_too_large', async () => [await large('long.pdf', MOST_BYTES + 1)], 'long.pdf'],
      ['far too many bytes', 413, 'file_too_large', async () => [await large('endless.pdf', 12 * MOST_BYTES)], 'endless.pdf'],
      [
        'one file too many',
        413,
        'too_many_files',
        () => Promise.resolve([good, good, good, { ...good, name: 'fourth.pdf' }]),
        'fourth.pdf',
      ],
    ];

    it.each(REFUSALS)('%s: %i %s', async (_, status, code, files, name) => {
      const before = await kept();
      const bad = await files();
      const answer = await learner.send(code === 'too_many_files' ? bad : [good, ...bad]);
      expect(answer.status).toBe(status);
      expect(answer.json<Problem>()).toMatchObject({ status, code, detail: expect.stringContaining(name) });
      expect(await kept()).toEqual(before);
    });

    it('no file at all', async () => {
      const answer = await learner.send([], { title: 'Nothing' });
      expect(answer.status).toBe(400);
      expect(answer.json<Problem>()).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/body/files' }] });
    });

    it('a title that cannot be stored', async () => {
      const answer = await learner.send([good], { title: 'x'.repeat(301) });
      expect(answer.json<Problem>()).toMatchObject({ code: 'validation_failed', errors: [{ pointer: '/body/title' }] });
      expect((await kept()).blobs).toBe(0);
    });

    it('a body of another type', async () => {
      const answer = await answerOf(learner.client.post('/api/documents', { files: [] }));
      expect(answer.json<Problem>()).toMatchObject({ status: 415, code: 'unsupported_media_type' });
    });
  });

  it('of exactly the most that is allowed is taken', async () => {
    scriptBooks(app);
    const files = await Promise.all([1, 2, 3].map((n) => large(`${n}.pdf`, MOST_BYTES)));
    const { task_id, documents } = await learner.upload(files);
    expect(documents.map(({ bytes }) => bytes)).toEqual([MOST_BYTES, MOST_BYTES, MOST_BYTES]);
    await learner.ended(task_id);
  });

  it('is believed by its content, whatever its name and type say', async () => {
    scriptBooks(app);
    const disguised = { name: 'photo.jpg', bytes: good.bytes, type: 'image/jpeg' };
    const late = { name: 'late.txt', bytes: lateHeaderPdf(good.bytes), type: 'text/plain' };
    const { task_id, documents } = await learner.upload([disguised, late]);
    expect(documents.map(({ media_type }) => media_type)).toEqual(['application/pdf', 'application/pdf']);
    await learner.ended(task_id);
  });

  it('is taken nowhere else', async () => {
    const form = new FormData();
    form.append('files', new Blob([Buffer.from(good.bytes)]), 'x.pdf');
    const headers = { authorization: `Bearer ${learner.token}` };
    const response = await fetch(`${app.url}/api/quizzes/generate`, { method: 'POST', body: form, headers });
    expect(response.status).toBe(415);
  });

  it('that its client hangs up on in the middle leaves no file and no task, and is no error', async () => {
    const before = await kept();
    const sent = learner.beginUpload({ name: 'half.pdf', bytes: Buffer.concat([good.bytes, Buffer.alloc(600_000 - good.bytes.length)]) });
    await eventually(async () => (await rowsOf(app, 'select ordinal from blob_chunks')).length === 2, { message: 'the file coming in' });
    sent.destroy();
    await eventually(async () => (await kept()).blobs === 0, { message: 'the file going again' });
    expect(await kept()).toEqual(before);
    expect(app.logs.at('error')).toEqual([]);
  });

  it('that its client hangs up on after the answer is read to its end', async () => {
    scriptBooks(app);
    const gate = new Gate();
    app.model.script('document_classification', { hold: gate }, { times: 1 });
    const { task_id } = await learner.upload([good]);
    await gate.reached;
    learner.client.close();
    gate.open();
    expect((await learner.ended(task_id)).state).toBe('completed');
  });

  describe('under an id of the client`s own', () => {
    it('that is sent again is the same task, and its files are not kept twice', async () => {
      scriptBooks(app);
      const headers = { 'x-task-id': newId() };
      const first = await learner.upload([good], { headers });
      const again = await learner.upload([good], { headers });
      expect(again).toEqual(first);
      await learner.completed(first.task_id);
      expect(await learner.upload([good], { headers })).toEqual(first);
      expect((await kept()).blobs).toBe(0);
      expect((await kept()).documents).toBe(1);
    });

    it('with other files is refused, and keeps none of them', async () => {
      scriptBooks(app);
      const headers = { 'x-task-id': newId() };
      const { task_id } = await learner.upload([good], { headers });
      await learner.completed(task_id);
      const answer = await learner.send([await chaptersFile('other.pdf', ['Fish'])], { headers });
      expect(answer.json<Problem>()).toMatchObject({ status: 409, code: 'task_exists' });
      expect(answer.headers['x-task-id']).toBe(headers['x-task-id']);
      expect((await kept()).blobs).toBe(0);
    });

    it('whose cancel came first is refused at no work, and keeps no file', async () => {
      const id = newId();
      expect(await learner.cancelled(id, { pending: true })).toMatchObject({ status: 'pending' });
      const answer = await learner.send([good], { headers: { 'x-task-id': id } });
      expect(answer.json<Problem>()).toMatchObject({ status: 409, code: 'task_cancelled' });
      expect(await kept()).toMatchObject({ blobs: 0, documents: 0 });
      expect(app.model.journal).toEqual([]);
    });
  });

  describe('that is no form', () => {
    const send = async (body: string, headers: Record<string, string> = {}): Promise<Problem> => {
      const type = 'multipart/form-data; boundary=x';
      const all = { authorization: `Bearer ${learner.token}`, 'content-type': type, ...headers };
      const response = await fetch(`${app.url}/api/documents`, { method: 'POST', headers: all, body });
      return (await response.json()) as Problem;
    };

    it.each([
      ['none at all', 'this is no form', {}],
      ['one that breaks off', '--x\r\nContent-Disposition: form-data; name="files"; filename="a.pdf"\r\n\r\n%PDF-1.7 and then', {}],
      ['one without a boundary', 'x', { 'content-type': 'multipart/form-data' }],
    ])('is the client`s mistake: %s', async (_, body, headers) => {
      expect(await send(body, headers)).toMatchObject({ status: 400, code: 'validation_failed', errors: [{ pointer: '/body' }] });
      expect((await kept()).blobs).toBe(0);
      expect(app.logs.at('error')).toEqual([]);
    });
  });
});
