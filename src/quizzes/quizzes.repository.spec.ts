import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { backends, type Backend } from '../../test/support/backends.js';
import { rowsOf } from '../../test/support/rows.js';
import { startTestApp, type TestApp } from '../../test/support/test-app.js';
import { AbortContext } from '../abort/index.js';
import { Database, type Tx } from '../database/index.js';
import { QuizzesRepository } from './quizzes.repository.js';

interface Page {
  readonly quizzes: readonly { readonly id: string; readonly created_at: string }[];
  readonly next_cursor?: string;
}

const AT = (second: number): Date => new Date(Date.UTC(2026, 0, 1, 12, 0, second));

describe.each(backends)('the list of quizzes, on %s', (backend: Backend) => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ backend });
  }, 60_000);
  afterAll(() => app.close());

  /** Stores a quiz that was made at a moment, and returns its id. */
  async function store(owner: string, created_at: Date): Promise<string> {
    const id = randomUUID();
    const evaluation = JSON.stringify({ attempts: 1, rejected: 0, reasons: [] });
    const quiz = { id, task_id: randomUUID(), owner, book_id: 1, chapter_id: 101, exercise_type: 'mixed', evaluation, created_at };
    const text = { type: 'grammar', skill: 'x', prompt: 'a?', answer: 'b', explanation: '' };
    const question = { ...text, id: randomUUID(), quiz_id: id, ordinal: 0, options: null, passage_id: await anyPassage() };
    const repository = app.app.get(QuizzesRepository, { strict: false });
    await app.app.get(AbortContext).detached('a test stores a quiz', () => inTransaction((tx) => repository.save(tx, quiz, [question])));
    return id;
  }

  function inTransaction(fn: (tx: Tx) => Promise<void>): Promise<void> {
    return app.app.get(Database).transaction().execute(fn);
  }

  async function anyPassage(): Promise<number> {
    const [row] = await rowsOf<{ id: number }>(app, 'select min(id) as id from passages');
    return row!.id;
  }

  async function page(owner: string, query: Record<string, string>): Promise<Page> {
    const client = await app.client(owner);
    return (await client.get(`/api/quizzes?${new URLSearchParams(query).toString()}`).answer)!.json<Page>();
  }

  /** All ids, page by page. */
  async function readAll(owner: string, limit: number, between: () => Promise<unknown> = () => Promise.resolve()): Promise<string[][]> {
    const pages: string[][] = [];
    let cursor: string | undefined;
    do {
      const { quizzes, next_cursor } = await page(owner, { limit: String(limit), ...(cursor && { cursor }) });
      pages.push(quizzes.map(({ id }) => id));
      cursor = next_cursor;
      await between();
    } while (cursor !== undefined);
    return pages;
  }

  it.each([1, 2, 3, 7, 8])('is read %i at a time without a gap and without a double, also where moments are equal', async (limit) => {
    const owner = `reader-${limit}`;
    const oldest = await store(owner, AT(0));
    const equal = await Promise.all([1, 2, 3, 4, 5].map(() => store(owner, AT(1))));
    const newest = await store(owner, AT(2));
    const pages = await readAll(owner, limit);
    expect(pages.flat()).toEqual([newest, ...equal.sort().reverse(), oldest]);
    expect(pages.map(({ length }) => length)).toEqual(sizes(7, limit));
  });

  it('does not shift while new quizzes come in', async () => {
    const old = await Promise.all([1, 2, 3, 4].map((second) => store('busy', AT(second))));
    const pages = await readAll('busy', 2, () => store('busy', new Date()));
    expect(pages.flat()).toEqual(old.toReversed());
  });

  it('has twenty on a page where nobody says how many, and no cursor on its last page', async () => {
    await Promise.all(Array.from({ length: 21 }, (_, second) => store('many', AT(second))));
    const first = await page('many', {});
    expect(first.quizzes).toHaveLength(20);
    const last = await page('many', { cursor: first.next_cursor! });
    expect(last.quizzes).toHaveLength(1);
    expect(last).not.toHaveProperty('next_cursor');
  });

  it('takes a quiz in whole or not at all', async () => {
    const repository = app.app.get(QuizzesRepository, { strict: false });
    const row = {
      id: randomUUID(),
      task_id: randomUUID(),
      owner: 'halfway',
      book_id: 1,
      chapter_id: 101,
      exercise_type: 'x',
      evaluation: '{}',
    };
    const bad = {
      id: randomUUID(),
      quiz_id: row.id,
      ordinal: 0,
      type: 'x',
      skill: 'x',
      prompt: 'x',
      options: null,
      answer: 'x',
      explanation: 'x',
    };
    const saving = app.app
      .get(AbortContext)
      .detached('a test', () => inTransaction((tx) => repository.save(tx, row, [{ ...bad, passage_id: -1 }])));
    await expect(saving).rejects.toThrow(/foreign key/);
    expect(await page('halfway', {})).toEqual({ quizzes: [] });
  });
});

function sizes(total: number, limit: number): number[] {
  return total <= limit ? [total] : [limit, ...sizes(total - limit, limit)];
}
