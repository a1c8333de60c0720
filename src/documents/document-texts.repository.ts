import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database } from '../database/index.js';

/** Where the text of a page comes from; `none` where there is none to be had. */
export type TextSource = 'text' | 'vision' | 'none';

export interface StoredPage {
  readonly number: number;
  readonly text: string;
  readonly source: TextSource;
}

/** A piece of a document's text that is found on its own. */
export interface StoredChunk {
  readonly ordinal: number;
  readonly page: number;
  readonly text: string;
  readonly vector: readonly number[];
}

/** The text of documents, page by page and in pieces. What is written again takes the place of what was there. */
@Injectable()
export class DocumentTextsRepository {
  constructor(private readonly db: Database) {}

  async savePages(documentId: string, pages: readonly StoredPage[]): Promise<void> {
    if (pages.length === 0) return;
    await this.db
      .insertInto('document_pages')
      .values(pages.map((page) => ({ document_id: documentId, ...page })))
      .onConflict((conflict) =>
        conflict.columns(['document_id', 'number']).doUpdateSet({ text: sql<string>`excluded.text`, source: sql<string>`excluded.source` }),
      )
      .execute();
  }

  /** In order. */
  async pages(documentId: string): Promise<StoredPage[]> {
    const rows = await this.db
      .selectFrom('document_pages')
      .select(['number', 'text', 'source'])
      .where('document_id', '=', documentId)
      .orderBy('number')
      .execute();
    return rows as StoredPage[];
  }

  async lastPage(documentId: string): Promise<number> {
    const last = await this.db
      .selectFrom('document_pages')
      .select(sql<number>`coalesce(max(number), 0)::int`.as('number'))
      .where('document_id', '=', documentId)
      .executeTakeFirstOrThrow();
    return last.number;
  }

  async pagesFrom(documentId: string, source: TextSource): Promise<number[]> {
    const rows = await this.db
      .selectFrom('document_pages')
      .select('number')
      .where('document_id', '=', documentId)
      .where('source', '=', source)
      .orderBy('number')
      .execute();
    return rows.map(({ number }) => number);
  }

  async hasText(documentId: string): Promise<boolean> {
    const page = await this.db
      .selectFrom('document_pages')
      .select('number')
      .where('document_id', '=', documentId)
      .where('text', '<>', '')
      .limit(1)
      .executeTakeFirst();
    return page !== undefined;
  }

  async saveChunks(documentId: string, model: string, chunks: readonly StoredChunk[]): Promise<void> {
    const rows = chunks.map(({ ordinal, page, text, vector }) => ({
      document_id: documentId,
      ordinal,
      page,
      text,
      embedding: sql<string>`${JSON.stringify(vector)}::vector`,
      embedding_model: model,
    }));
    await this.db
      .insertInto('document_chunks')
      .values(rows)
      .onConflict((conflict) =>
        conflict.columns(['document_id', 'ordinal']).doUpdateSet({
          page: sql<number>`excluded.page`,
          text: sql<string>`excluded.text`,
          embedding: sql<string>`excluded.embedding`,
          embedding_model: model,
        }),
      )
      .execute();
  }

  /** Which of its pieces this model has embedded. */
  async embedded(documentId: string, model: string): Promise<ReadonlySet<number>> {
    const rows = await this.db
      .selectFrom('document_chunks')
      .select('ordinal')
      .where('document_id', '=', documentId)
      .where('embedding_model', '=', model)
      .execute();
    return new Set(rows.map(({ ordinal }) => ordinal));
  }
}
