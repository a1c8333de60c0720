import { classificationOf, type DocumentFailure } from './document.js';
import type { DocumentRow } from './documents.repository.js';

/** What a task says of one of its documents. */
export interface DocumentResult {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly pages: number | null;
  readonly title: string | null;
  readonly language: string | null;
  readonly level: string | null;
  readonly subject: string | null;
  readonly chapters: readonly string[];
  readonly error: DocumentFailure | null;
}

export function toDocumentResult(document: DocumentRow): DocumentResult {
  const { id, name, state, pages, title, language, level, subject } = document;
  const chapters = classificationOf(document)?.chapters.map((chapter) => chapter.title) ?? [];
  return { id, name, state, pages, title, language, level, subject, chapters, error: document.error as DocumentFailure | null };
}
