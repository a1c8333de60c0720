import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database, type Tx } from '../database/index.js';
import { DomainError } from '../problems/index.js';
import { skillOf, type BookPlan, type NumberedChapter } from './book-plan.js';

/** A book with its chapters, as they are written down. */
export type NumberedBook = Omit<BookPlan, 'chapters'> & { readonly id: number; readonly chapters: readonly NumberedChapter[] };

const KIND = 'reading';
/** Of each document. */
const PIECES_AT_ONCE = 100;

/** Makes books of documents, and makes them anew. */
@Injectable()
export class CatalogueRepository {
  constructor(private readonly db: Database) {}

  /** The pages of documents that there is text on: in pieces of their own, or in passages of the book that they are. */
  async pagesWithText(documentIds: readonly string[]): Promise<Map<string, number[]>> {
    const ids = [...documentIds];
    const { rows } = await sql<{ document_id: string; pages: number[] }>`
      select document_id, json_agg(distinct page) as pages
      from (
        select document_id, page from document_chunks where document_id = any(${ids}::uuid[])
        union all
        select document_id, page from passages where document_id = any(${ids}::uuid[])
      ) as t
      group by document_id`.execute(this.db);
    return new Map(rows.map(({ document_id, pages }) => [document_id, pages]));
  }

  /** Ids for a plan: a new book's where none is given. What takes ids and is not written leaves a gap, and nothing else. */
  async number(plan: BookPlan, bookId?: number): Promise<NumberedBook> {
    const { rows } = await sql<{ id: number }>`
      select nextval('chapter_ids')::int as id from generate_series(1, ${plan.chapters.length}::int)`.execute(this.db);
    const ids = rows.map(({ id }) => id).toSorted((a, b) => a - b);
    const chapters = plan.chapters.flatMap((chapter, index) => {
      const id = ids[index];
      return id === undefined ? [] : [{ ...chapter, id }];
    });
    return { ...plan, id: bookId ?? (await this.#nextBookId()), chapters };
  }

  /** Writes a new book, and makes passages of the pieces of its documents. */
  async create(tx: Tx, owner: string, book: NumberedBook): Promise<void> {
    const { id, title, language, level, subject } = book;
    await tx.insertInto('books').values({ id, owner, title, language, level, subject }).execute();
    await this.#insertChapters(tx, book);
    await this.#insertPassages(tx, book);
    await this.#catalogue(tx, book);
  }

  /**
   * Writes a book anew under its id. Passages keep theirs, and what was asked about them: they go to the new chapters, and quizzes go with
   * the passage of their first question. Documents that are new to it come in with their pieces. Throws `book_not_found` where it has been
   * deleted.
   */
  async recreate(tx: Tx, owner: string, book: NumberedBook): Promise<void> {
    const { id, title, language, level, subject } = book;
    const locked = await tx.selectFrom('books').select('id').where('id', '=', id).where('owner', '=', owner).forUpdate().executeTakeFirst();
    if (!locked) throw new DomainError('book_not_found', `Book ${id} has been deleted.`);
    await tx.updateTable('books').set({ title, language, level, subject }).where('id', '=', id).execute();
    await this.#insertChapters(tx, book);
    await this.#movePassages(tx, book);
    await this.#insertPassages(tx, book);
    await this.#moveQuizzes(tx, book);
    await this.#dropEmptyChapters(tx, book);
    await this.#catalogue(tx, book);
  }

  async #nextBookId(): Promise<number> {
    const { rows } = await sql<{ id: number }>`select nextval('book_ids')::int as id`.execute(this.db);
    return rows[0]?.id ?? 0;
  }

  async #insertChapters(tx: Tx, { id: book_id, chapters }: NumberedBook): Promise<void> {
    await tx
      .insertInto('chapters')
      .values(chapters.map(({ id, title, level }) => ({ id, book_id, title, level })))
      .execute();
  }

  /** The place of a passage is that of its piece in the document: a chapter has pages of one document alone. */
  async #insertPassages(tx: Tx, { subject, chapters }: NumberedBook): Promise<void> {
    await this.#inBatches(tx, 'document_chunks', chapters, async (from, to) => {
      await sql`
        insert into passages (chapter_id, ordinal, kind, skill, title, text, embedding, embedding_model, document_id, page)
        select c.id, t.ordinal, ${KIND}, ${skillOf(subject)}, c.title, t.text, t.embedding, t.embedding_model, t.document_id, t.page
        from document_chunks t join ${rowsOf(chapters)} on t.document_id = c.document_id and t.page between c.first_page and c.last_page
        where t.ordinal between ${from} and ${to}`.execute(tx);
    });
  }

  async #movePassages(tx: Tx, { subject, chapters }: NumberedBook): Promise<void> {
    await this.#inBatches(tx, 'passages', chapters, async (from, to) => {
      await sql`
        update passages set chapter_id = c.id, title = c.title, skill = ${skillOf(subject)} from ${rowsOf(chapters)}
        where passages.document_id = c.document_id and passages.page between c.first_page and c.last_page
          and passages.ordinal between ${from} and ${to}`.execute(tx);
    });
  }

  /** Each passage takes the index of vectors some milliseconds, and a statement has its timeout. */
  async #inBatches(
    tx: Tx,
    table: 'document_chunks' | 'passages',
    chapters: readonly NumberedChapter[],
    write: (from: number, to: number) => Promise<void>,
  ): Promise<void> {
    const { rows } = await sql<{ last: number }>`
      select coalesce(max(ordinal), -1)::int as last from ${sql.table(table)} where document_id = any(${documentsOf(chapters)}::uuid[])
    `.execute(tx);
    const last = rows[0]?.last ?? -1;
    for (let from = 0; from <= last; from += PIECES_AT_ONCE) await write(from, from + PIECES_AT_ONCE - 1);
  }

  async #moveQuizzes(tx: Tx, { id }: NumberedBook): Promise<void> {
    await sql`
      update quizzes set chapter_id = f.chapter_id
      from (
        select distinct on (q.quiz_id) q.quiz_id, p.chapter_id
        from questions q join passages p on p.id = q.passage_id
        order by q.quiz_id, q.ordinal
      ) as f
      where f.quiz_id = quizzes.id and quizzes.book_id = ${id}`.execute(tx);
  }

  /** One that still has passages, of a document that has been deleted, stays as it was. */
  async #dropEmptyChapters(tx: Tx, { id }: NumberedBook): Promise<void> {
    await sql`delete from chapters where book_id = ${id}
      and not exists (select 1 from passages p where p.chapter_id = chapters.id)
      and not exists (select 1 from quizzes q where q.chapter_id = chapters.id)`.execute(tx);
  }

  async #catalogue(tx: Tx, { id, chapters }: NumberedBook): Promise<void> {
    const documentIds = documentsOf(chapters);
    await tx.deleteFrom('document_chunks').where('document_id', 'in', documentIds).execute();
    await tx.updateTable('documents').set({ state: 'catalogued', book_id: id, error: null }).where('id', 'in', documentIds).execute();
  }
}

function documentsOf(chapters: readonly NumberedChapter[]): string[] {
  return [...new Set(chapters.map(({ documentId }) => documentId))];
}

/** The chapters as a table `c`. */
function rowsOf(chapters: readonly NumberedChapter[]) {
  return sql`unnest(
    ${chapters.map(({ id }) => id)}::int[], ${chapters.map(({ documentId }) => documentId)}::uuid[],
    ${chapters.map(({ title }) => title)}::text[], ${chapters.map(({ firstPage }) => firstPage)}::int[],
    ${chapters.map(({ lastPage }) => lastPage)}::int[]
  ) as c (id, document_id, title, first_page, last_page)`;
}
