import type { BookCatalogue } from './classification.js';
import { classificationOf } from './document.js';
import type { DocumentRow } from './documents.repository.js';

/** A chapter of a book that is made of documents: the pages of one document from here to there. */
export interface PlannedChapter {
  readonly documentId: string;
  readonly title: string;
  readonly level: string;
  readonly firstPage: number;
  readonly lastPage: number;
}

/** A chapter that has its id. */
export interface NumberedChapter extends PlannedChapter {
  readonly id: number;
}

/** What a book is to be. */
export interface BookPlan {
  readonly title: string;
  readonly language: string;
  readonly level: string;
  readonly subject: string;
  readonly chapters: readonly PlannedChapter[];
}

const LAST_PAGE = 2_147_483_647;
const LONGEST_SKILL = 60;

/**
 * The chapters of all documents, those of one after those of another in the order of the catalogue. `pages` has the pages of each document
 * that there is something on: a chapter without any is left out.
 */
export function planBook(
  { order, title, language, level, subject }: BookCatalogue,
  documents: readonly DocumentRow[],
  pages: ReadonlyMap<string, readonly number[]>,
  ownTitle?: string,
): BookPlan {
  const inOrder = order.flatMap((index) => documents[index] ?? []);
  const chapters = inOrder.flatMap(chaptersOf).filter(({ documentId, firstPage, lastPage }) => {
    return pages.get(documentId)?.some((page) => page >= firstPage && page <= lastPage) ?? false;
  });
  return { title: ownTitle ?? title, language, level, subject, chapters };
}

/** What questions on the book train, where nothing finer is known: its subject, as a word of its own. */
export function skillOf(subject: string): string {
  const words = subject.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  return words.join('-').slice(0, LONGEST_SKILL).toWellFormed() || 'reading';
}

function chaptersOf(document: DocumentRow): PlannedChapter[] {
  const { chapters, level } = classificationOf(document) ?? { chapters: [], level: 'none' };
  return chapters.map(({ title, first_page: firstPage }, index) => {
    const next = chapters[index + 1]?.first_page;
    return { documentId: document.id, title, level, firstPage, lastPage: next === undefined ? LAST_PAGE : next - 1 };
  });
}
