import { Injectable } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { BlobStore } from '../blobs/index.js';
import { Llm } from '../llm/index.js';
import { DomainError } from '../problems/index.js';
import type { Outcome, TaskKey } from '../tasks/index.js';
import { planBook } from './book-plan.js';
import { CatalogueRepository, type NumberedBook } from './catalogue.repository.js';
import { bookCatalogue, tidyCatalogue, type BookCatalogue } from './classification.js';
import { classificationOf, type DocumentFailure } from './document.js';
import { toDocumentResult, type DocumentResult } from './document-result.js';
import { DocumentsRepository, type DocumentRow } from './documents.repository.js';
import { catalogueBookPrompt, type CataloguedDocument } from './prompts.js';

/** What a task that made a book has come to. */
export interface CatalogueResult {
  readonly book_id: number;
  readonly title: string;
  readonly chapters: readonly { readonly id: number; readonly title: string; readonly level: string }[];
  readonly documents: readonly DocumentResult[];
}

interface BookOptions {
  readonly bookId?: number;
  readonly title?: string;
}

const STAGE = 'catalogue';

/** Makes a book of the documents of a task. One LLM call; the book and the end of the task are written together. */
@Injectable()
export class Cataloguer {
  constructor(
    private readonly context: AbortContext,
    private readonly documents: DocumentsRepository,
    private readonly catalogues: CatalogueRepository,
    private readonly blobs: BlobStore,
    private readonly llm: Llm,
  ) {}

  /**
   * A book of the task's documents that could be read, under `title` where its owner gave one: a new one, or the one that others of them
   * are already. Throws `no_document_readable` where there is none.
   */
  async makeBook(key: TaskKey, title?: string): Promise<Outcome<CatalogueResult>> {
    return await this.context.stage(STAGE, async () => {
      const all = await this.documents.ofTask(key);
      const readable = all.filter(({ state }) => state === 'embedded');
      if (readable.length === 0) throw noneReadable(all);
      const bookId = all.find((document) => document.book_id !== null)?.book_id ?? undefined;
      const others = bookId === undefined ? [] : await this.documents.ofBook(key.owner, bookId);
      return await this.#write(key, [...others, ...readable], { bookId, title });
    });
  }

  /** A book anew, of all its documents, also those that the task has not classified. Throws `book_not_found` where it has been deleted. */
  async remakeBook(key: TaskKey, bookId: number): Promise<Outcome<CatalogueResult>> {
    return await this.context.stage(STAGE, async () => {
      const documents = await this.documents.ofBook(key.owner, bookId);
      if (documents.length === 0) throw new DomainError('book_not_found', `Book ${bookId} has been deleted.`);
      return await this.#write(key, documents, { bookId });
    });
  }

  async #write(key: TaskKey, documents: readonly DocumentRow[], { bookId, title }: BookOptions): Promise<Outcome<CatalogueResult>> {
    const pages = await this.catalogues.pagesWithText(documents.map(({ id }) => id));
    const plan = planBook(await this.#ask(documents), documents, pages, title);
    const book = await this.catalogues.number(plan, bookId);
    const save: Outcome<unknown>['save'] = async (tx) => {
      await (bookId === undefined ? this.catalogues.create(tx, key.owner, book) : this.catalogues.recreate(tx, key.owner, book));
      // With the end of the task the files go that it could not read.
      await this.blobs.expire(tx, await this.documents.letGoOf(tx, key));
    };
    return { result: toResult(book, await this.#told(key, documents)), stage: STAGE, save };
  }

  /** All that the task, or its book, is about: also what could not be read. */
  async #told(key: TaskKey, written: readonly DocumentRow[]): Promise<DocumentRow[]> {
    const others = (await this.documents.ofTask(key)).filter(({ id }) => !written.some((document) => document.id === id));
    return [...written, ...others];
  }

  async #ask(documents: readonly DocumentRow[]): Promise<BookCatalogue> {
    const messages = catalogueBookPrompt(documents.map(toCatalogued));
    const said = await this.llm.structured({ messages, name: 'book_catalogue', schema: bookCatalogue });
    return tidyCatalogue(said, documents.length);
  }
}

function toResult({ id, title, chapters }: NumberedBook, documents: readonly DocumentRow[]): CatalogueResult {
  const written = new Set(chapters.map(({ documentId }) => documentId));
  return {
    book_id: id,
    title,
    chapters: chapters.map((chapter) => ({ id: chapter.id, title: chapter.title, level: chapter.level })),
    documents: documents.map((document) => {
      const result = toDocumentResult(document);
      return written.has(document.id) ? { ...result, state: 'catalogued', error: null } : result;
    }),
  };
}

function toCatalogued(document: DocumentRow): CataloguedDocument {
  const known = classificationOf(document);
  const { title = document.name, language = 'und', level = 'none', subject = '', chapters = [] } = known ?? {};
  return { title, language, level, subject, chapters: chapters.map((chapter) => chapter.title) };
}

/** Says why, file by file. */
export function noneReadable(documents: readonly DocumentRow[]): DomainError {
  const why = documents.flatMap(({ error }) => (error as DocumentFailure | null)?.message ?? []);
  return new DomainError('no_document_readable', why.length === 0 ? 'None of the documents could be read.' : why.join(' '));
}
