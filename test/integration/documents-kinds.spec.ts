import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DocumentView } from '../../src/documents/documents.dto.js';
import { backends } from '../support/backends.js';
import { DocumentClient, type SentFile } from '../support/document-client.js';
import {
  chinesePdf,
  circularPdf,
  columnsPdf,
  encryptedPdf,
  flateBombPdf,
  longPdf,
  nestedPdf,
  ownerLockedPdf,
  scannedPdf,
  textPdf,
  truncatedPdf,
} from '../support/pdfs.js';
import { rowsOf } from '../support/rows.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const MIB = 1024 * 1024;
const CHAPTER = 'Chapter 1: Rice\n\nThe farmer plants rice in spring, and cuts it in autumn when the fields are dry.';
const LEFT = ['The left column tells', 'of rice and of water,', 'line after line.'];
const RIGHT = ['The right column tells', 'of wheat and of wind,', 'also in lines.'];
const CHINESE = ['第一课 买东西', '我们今天去商店买苹果，因为朋友明天要来我家吃饭。'];

/** What becomes of each: a state, or the code that says why not. */
const FILES: readonly (readonly [name: string, become: string, bytes: () => Uint8Array | Promise<Uint8Array>])[] = [
  ['text.pdf', 'catalogued', () => textPdf([CHAPTER])],
  ['columns.pdf', 'catalogued', () => columnsPdf('Rice and wheat', LEFT, RIGHT, 'by-line')],
  ['chinese.pdf', 'catalogued', () => chinesePdf(CHINESE)],
  ['long.pdf', 'catalogued', () => longPdf(300)],
  ['locked-for-changes.pdf', 'catalogued', () => ownerLockedPdf(CHAPTER)],
  ['scan.pdf', 'document_not_readable', () => scannedPdf()],
  ['secret.pdf', 'document_encrypted', () => encryptedPdf(CHAPTER, 'password')],
  ['broken-off.pdf', 'document_damaged', () => truncatedPdf()],
  ['circular.pdf', 'document_damaged', () => circularPdf()],
  ['bomb.pdf', 'document_too_complex', () => flateBombPdf(1024 * MIB)],
];

describe('one upload of files of every kind', () => {
  let app: TestApp;
  let learner: DocumentClient;
  let documents: DocumentView[];
  let taskId: string;

  beforeAll(async () => {
    app = await startTestApp({ backend: backends[0] });
    learner = await DocumentClient.of(app);
    const files: SentFile[] = [];
    for (const [name, , bytes] of FILES) files.push({ name, bytes: await bytes() });
    files.push({ name: 'nested.pdf', bytes: nestedPdf(50_000, 'arrays') });
    const accepted = await learner.upload(files, { title: 'Of every kind' });
    taskId = accepted.task_id;
    await learner.ended(taskId, 60_000);
    documents = await Promise.all(accepted.documents.map(({ id }) => learner.document(id)));
  }, 120_000);
  afterAll(() => app.close());

  const named = (name: string): DocumentView => documents.find((each) => each.name === name)!;
  const textOf = async (name: string): Promise<string> => {
    const pages = await rowsOf<{ text: string }>(
      app,
      `select text from document_pages where document_id = '${named(name).id}' order by number`,
    );
    return pages.map(({ text }) => text).join('\n');
  };

  it.each(FILES)('%s: %s', (name, become) => {
    const { state, error } = named(name);
    expect(state === 'failed' ? error?.code : state).toBe(become);
    expect(error === null || error.message.length > 20).toBe(true);
  });

  it('nested.pdf, whose arrays lie 50,000 deep, is read or refused, and the server lives', async () => {
    const { state, error } = named('nested.pdf');
    expect(['catalogued', 'document_damaged', 'document_not_readable', 'document_too_complex']).toContain(error?.code ?? state);
    expect((await learner.client.get('/health').answer)?.status).toBe(200);
  });

  it('has become one book of those that could be read', async () => {
    const books = await learner.books();
    expect(books.filter(({ title }) => title === 'Of every kind')).toHaveLength(1);
    expect(named('long.pdf')).toMatchObject({ pages: 300, pages_without_text: [] });
    expect(await learner.task(taskId)).toMatchObject({ state: 'completed', progress: { done: FILES.length + 1, total: FILES.length + 1 } });
  });

  it('has the columns one after the other, and the Chinese in order', async () => {
    const columns = await textOf('columns.pdf');
    expect(columns.indexOf('line after line')).toBeLessThan(columns.indexOf('The right column'));
    expect((await textOf('chinese.pdf')).replaceAll('\n', '')).toContain(CHINESE[1]);
  });
});
