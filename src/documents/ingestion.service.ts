import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { BlobStore } from '../blobs/index.js';
import type { User } from '../auth/index.js';
import { DomainError } from '../problems/index.js';
import { Jobs } from '../jobs/index.js';
import type { Issued, NewItem } from '../tasks/index.js';
import { DocumentIngestion, type IngestionInput } from './document-ingestion.job.js';
import { DocumentReclassification } from './document-reclassification.job.js';
import { toAccepted } from './document-view.js';
import type { AcceptedDocuments, ReclassifyBody } from './documents.dto.js';
import { DocumentsRepository, type NewDocument, type DocumentRow } from './documents.repository.js';
import { unknownDocument } from './documents.service.js';
import type { UploadPart } from './upload-parts.decorator.js';
import { Uploads, type Upload } from './uploads.service.js';

type Classified = Pick<DocumentRow, 'id' | 'name' | 'book_id'>;

/** Gives uploads, and documents that are there, to the jobs that read them. */
@Injectable()
export class IngestionService {
  constructor(
    private readonly uploads: Uploads,
    private readonly blobs: BlobStore,
    private readonly documents: DocumentsRepository,
    private readonly jobs: Jobs,
    private readonly ingestion: DocumentIngestion,
    private readonly reclassification: DocumentReclassification,
  ) {}

  /**
   * Takes an upload in and has it read in the background: from then on whoever sent it may hang up, which until then takes it back. The
   * same files under a task id that is known are that task's, and are not kept twice. Throws what `Uploads.receive` and `Jobs.enqueue` throw.
   */
  async upload(user: User, parts: AsyncIterable<UploadPart>, issue: Issued): Promise<AcceptedDocuments> {
    const upload = await this.uploads.receive(user.id, parts);
    const blobs = upload.files.map(({ blobId }) => blobId);
    try {
      const documents = toNewDocuments(upload, user, issue);
      const { taskId: id } = await this.jobs.enqueue(this.ingestion, {
        owner: user.id,
        scopes: [],
        input: toInput(upload),
        issue,
        items: documents.map(toItem),
        also: async (tx) => {
          await this.blobs.keep(tx, blobs);
          await this.documents.insert(tx, documents);
        },
      });
      return { task_id: id, documents: (await this.documents.askedOf({ owner: user.id, id })).map(toAccepted) };
    } finally {
      // Those of a new task are kept, whatever its client is told.
      await this.blobs.discard(blobs);
    }
  }

  /**
   * Has documents classified anew, and the book that they are made anew. Throws `book_not_found` and `document_not_found`, also for somebody
   * else's, `documents_apart` for those of several books, and `document_in_use`.
   */
  async reclassify(user: User, body: ReclassifyBody, issue: Issued): Promise<{ task_id: string }> {
    const documents = await this.#meant(user, body);
    const bookId = documents[0]?.book_id ?? null;
    const ids = documents.map(({ id }) => id);
    const key = { owner: user.id, id: issue.taskId };
    const { taskId } = await this.jobs.enqueue(this.reclassification, {
      owner: user.id,
      scopes: bookId === null ? [] : [`book:${bookId}`],
      input: { book_id: bookId, document_ids: ids },
      issue,
      items: documents.map(toItem),
      also: async (tx) => {
        const [busy] = await this.documents.take(tx, key, ids);
        if (busy !== undefined) throw new DomainError('document_in_use', `Document ${busy} is being read by another task.`);
      },
    });
    return { task_id: taskId };
  }

  async #meant({ id: owner }: User, { book_id, document_ids = [] }: ReclassifyBody): Promise<readonly Classified[]> {
    if (book_id !== undefined) return await this.#ofBook(owner, book_id);
    const ids = [...new Set(document_ids)];
    const found = await this.documents.findAll(owner, ids);
    const missing = ids.find((id) => !found.some((document) => document.id === id));
    if (missing !== undefined) throw unknownDocument(missing);
    if (new Set(found.map((document) => document.book_id)).size === 1) return found;
    throw new DomainError('documents_apart', 'These documents are not of the same book. Name those of one book, or of none.');
  }

  async #ofBook(owner: string, bookId: number): Promise<readonly Classified[]> {
    const documents = await this.documents.ofBook(owner, bookId);
    if (documents.length === 0) throw new DomainError('book_not_found', `There is no book ${bookId} that was made of documents.`);
    return documents;
  }
}

function toInput({ title, files }: Upload): IngestionInput {
  return { ...(title !== undefined && { title }), files: files.map(({ name, sha256, bytes }) => ({ name, sha256, bytes })) };
}

function toNewDocuments({ files }: Upload, { id: owner }: User, { taskId }: Issued): NewDocument[] {
  return files.map(({ blobId, name, mediaType, bytes, sha256 }, index) => {
    return { id: randomUUID(), owner, task_id: taskId, ordinal: index + 1, name, media_type: mediaType, bytes, sha256, blob_id: blobId };
  });
}

/** All else that is known of a document is in its row. */
function toItem({ id, name }: Pick<DocumentRow, 'id' | 'name'>): NewItem {
  return { key: id, name, input: null };
}
