import { classificationOf, type DocumentFailure, type DocumentState } from './document.js';
import type { AcceptedDocuments, DocumentView } from './documents.dto.js';
import type { MediaType } from './reading/index.js';
import type { DocumentRow, ListedDocument } from './documents.repository.js';

/** A document as its owner sees it. */
export function toDocumentView(document: ListedDocument): DocumentView {
  const { id, name, task_id, pages, book_id, error, pages_without_text } = document;
  return {
    id,
    name,
    media_type: document.media_type as MediaType,
    bytes: Number(document.bytes),
    task_id,
    state: document.state as DocumentState,
    pages,
    pages_without_text: [...pages_without_text],
    classification: classificationOf(document) ?? null,
    book_id,
    error: error as DocumentFailure | null,
    created_at: document.created_at.toISOString(),
  };
}

/** A document as whoever uploaded it is told at once. */
export function toAccepted({ id, name, media_type, bytes }: DocumentRow): AcceptedDocuments['documents'][number] {
  return { id, name, media_type: media_type as MediaType, bytes: Number(bytes) };
}
