import type { ChapterStart, DocumentClassification } from './classification.js';
import type { DocumentRow } from './documents.repository.js';

/** How far a document has come. Each state says that what belongs to it is stored. */
export const DOCUMENT_STATES = ['uploaded', 'extracted', 'classified', 'embedded', 'catalogued', 'failed'] as const;
export type DocumentState = (typeof DOCUMENT_STATES)[number];

/** Why a document failed, as its owner is told. */
export interface DocumentFailure {
  readonly code: string;
  readonly message: string;
}

/** What is known of a document, `undefined` until it has been classified. */
export function classificationOf({ title, language, level, subject, chapters }: DocumentRow): DocumentClassification | undefined {
  if (title === null || language === null || level === null || subject === null || chapters === null) return undefined;
  return { title, language, level: level as DocumentClassification['level'], subject, chapters: chapters as ChapterStart[] };
}
