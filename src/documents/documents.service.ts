import { Injectable } from '@nestjs/common';
import type { User } from '../auth/index.js';
import { BlobStore } from '../blobs/index.js';
import { decodeCursor, DomainError, encodeCursor } from '../problems/index.js';
import { toDocumentView } from './document-view.js';
import type { DocumentPage, DocumentView, ListDocumentsQuery } from './documents.dto.js';
import { DocumentsRepository } from './documents.repository.js';

/** What somebody has uploaded. */
@Injectable()
export class DocumentsService {
  constructor(
    private readonly documents: DocumentsRepository,
    private readonly blobs: BlobStore,
  ) {}

  /** This user's documents, newest first. `next_cursor` is absent on the last page. */
  async list(user: User, { limit, cursor }: ListDocumentsQuery): Promise<DocumentPage> {
    const page = await this.documents.list(user, limit + 1, cursor === undefined ? undefined : decodeCursor(cursor));
    const documents = page.slice(0, limit).map(toDocumentView);
    const last = documents.at(-1);
    return { documents, ...(page.length > limit && last && { next_cursor: encodeCursor(last) }) };
  }

  /** Throws `document_not_found` for an unknown id and for somebody else's alike. */
  async get(user: User, id: string): Promise<DocumentView> {
    const found = await this.documents.findVisible(user, id);
    if (!found) throw unknownDocument(id);
    return toDocumentView(found);
  }

  /** Deletes one of this user's own with all that was read from it. A book that was made of it stays. Throws `document_in_use`. */
  async delete(user: User, id: string): Promise<{ id: string }> {
    const blobId = await this.documents.inTransaction(async (tx) => {
      const deleted = await this.documents.delete(tx, user.id, id);
      if (deleted === undefined) throw unknownDocument(id);
      if (deleted === 'in use') throw new DomainError('document_in_use', `Document ${id} is being read. Cancel its task first.`);
      await this.blobs.expire(tx, deleted.blobId === null ? [] : [deleted.blobId]);
      return deleted.blobId;
    });
    if (blobId !== null) await this.blobs.remove(blobId);
    return { id };
  }
}

export function unknownDocument(id: string): DomainError {
  return new DomainError('document_not_found', `There is no document ${id}.`);
}
