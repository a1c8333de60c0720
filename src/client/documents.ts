import type { AcceptedDocuments, DocumentPage, DocumentView, ReclassifyBody } from '../documents/documents.dto.js';
import type { Asking, CallOptions } from './asking.js';
import { pageQuery, type PageOptions } from './page.js';
import type { TaskOptions } from './task-issue.js';
import { sizeOf, toForm, type UploadFile } from './upload-form.js';
import { uploadWithProgress } from './upload-progress.js';

/** How far an upload has come. */
export interface UploadProgress {
  /** Bytes that have left, and how many there are. `total` is 0 where the platform does not say. */
  readonly loaded: number;
  readonly total: number;
  /** The file that was taken, where the platform does not tell of bytes on their way. */
  readonly file?: string;
}

export interface UploadOptions extends TaskOptions {
  /** Of the book that the files become. */
  readonly title?: string;
  /** With `XMLHttpRequest`, as in browsers, told of bytes as they leave; without it of each file, once all have been taken. */
  readonly onProgress?: (progress: UploadProgress) => void;
}

/** Documents, which are read in the background and become books. */
export class Documents {
  constructor(private readonly asking: Asking) {}

  /**
   * Uploads files, all of them or none. An abort before the answer takes them back. With the answer their task begins, and belongs to no
   * connection: `tasks.events(task_id)` tells how it gets on, `tasks.cancel(task_id)` stops it.
   */
  async upload(files: readonly UploadFile[], { title, onProgress, ...options }: UploadOptions = {}): Promise<AcceptedDocuments> {
    const fetch = onProgress && uploadWithProgress(onProgress);
    const request = { method: 'POST', path: '/api/documents', body: toForm(files, title), field: 'documents', fetch };
    const accepted = await this.asking.task<AcceptedDocuments>(request, options);
    if (onProgress && !fetch) tellOfEach(files, accepted, onProgress);
    return accepted;
  }

  /** Classifies the documents of a book, or some of them, anew, and makes their book anew. */
  reclassify(input: ReclassifyBody, options?: TaskOptions): Promise<{ readonly task_id: string }> {
    return this.asking.task({ method: 'POST', path: '/api/documents/reclassify', body: input, field: 'task_id' }, options);
  }

  /** Your documents, newest first, in pages. */
  list(options: PageOptions & CallOptions = {}): Promise<DocumentPage> {
    return this.asking.json({ path: `/api/documents${pageQuery(options)}`, field: 'documents' }, options);
  }

  get(documentId: string, options?: CallOptions): Promise<DocumentView> {
    return this.asking.json({ path: `/api/documents/${encodeURIComponent(documentId)}`, field: 'media_type' }, options);
  }
}

function tellOfEach(files: readonly UploadFile[], { documents }: AcceptedDocuments, tell: (progress: UploadProgress) => void): void {
  const total = files.reduce((sum, file) => sum + sizeOf(file), 0);
  let loaded = 0;
  for (const { name, bytes } of documents) {
    loaded += bytes;
    tell({ loaded, total: total === 0 ? loaded : total, file: name });
  }
}
