import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { backends, type Backend } from '../../test/support/backends.js';
import { rowsOf } from '../../test/support/rows.js';
import { startTestApp, type TestApp } from '../../test/support/test-app.js';
import type { SocketClient } from '../testing/index.js';

interface Chapter {
  readonly id: number;
  readonly title: string;
  readonly level: string;
  readonly passages: number;
}

const SAMPLE = { id: 1, title: 'Willow Street Mandarin', language: 'zh', level: null, subject: null, chapters: 5, is_private: false };

describe.each(backends)('the books, on %s', (backend: Backend) => {
  let app: TestApp;
  let client: SocketClient;

  beforeAll(async () => {
    app = await startTestApp({ backend });
    client = await app.client();
  }, 60_000);
  afterAll(() => app.close());

  it('hold the sample course from the first start on', async () => {
    const answer = await client.get('/api/books').answer;
    expect(answer?.json()).toEqual({ books: [SAMPLE] });
    expect((await client.get('/api/books/1').answer)?.json()).toEqual(SAMPLE);
  });

  it('have chapters: 101 to 105, each with eight passages and more', async () => {
    const { book_id, chapters } = (await client.get('/api/books/1/chapters').answer)!.json<{ book_id: number; chapters: Chapter[] }>();
    expect(book_id).toBe(1);
    expect(chapters.map(({ id }) => id)).toEqual([101, 102, 103, 104, 105]);
    expect(chapters.filter(({ title, level, passages }) => title === '' || level === '' || passages < 8)).toEqual([]);
    const [{ count }] = (await rowsOf<{ count: number }>(app, 'select count(*)::int as count from passages')) as [{ count: number }];
    expect(chapters.reduce((sum, { passages }) => sum + passages, 0)).toBe(count);
  });

  it('may be without chapters, and chapters without passages', async () => {
    await rowsOf(app, `insert into books (id, title, language) values (2, 'Empty', 'en')`);
    expect((await client.get('/api/books/2/chapters').answer)?.json()).toEqual({ book_id: 2, chapters: [] });
    await rowsOf(app, `insert into chapters (id, book_id, title, level) values (201, 2, 'Nothing', 'B2')`);
    const chapters = [{ id: 201, title: 'Nothing', level: 'B2', passages: 0 }];
    expect((await client.get('/api/books/2/chapters').answer)?.json()).toEqual({ book_id: 2, chapters });
    expect((await client.get('/api/books').answer)?.json()).toMatchObject({ books: [{ id: 1 }, { id: 2, chapters: 1 }] });
    await rowsOf(app, 'delete from books where id = 2');
  });
});
