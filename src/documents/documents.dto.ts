import { z } from 'zod';
import { storableText } from '../problems/index.js';
import { DOCUMENT_STATES } from './document.js';
import { MEDIA_TYPES } from './reading/index.js';

const MOST_DOCUMENTS = 200;

export const uploadTitle = storableText.trim().max(300);
export const documentIdParam = z.uuid().toLowerCase();
const bookId = z.int().min(1).max(2_147_483_647);

/** What the description of the API says of an upload. It is read part by part, and never as one body. */
export const UPLOAD_BODY = {
  schema: {
    type: 'object',
    required: ['files'],
    properties: {
      files: { type: 'array', items: { type: 'string', format: 'binary' }, description: 'PDF, PNG or JPEG, going by their content' },
      title: { type: 'string', maxLength: 300, description: 'of the book that they become; the model finds one if it is left out' },
    },
  },
};

export const reclassifyBody = z
  .object({
    book_id: bookId.optional().meta({ description: 'all documents of this book' }),
    document_ids: z.array(documentIdParam).min(1).max(MOST_DOCUMENTS).optional().meta({ description: 'of one book, or of none' }),
  })
  .refine(({ book_id, document_ids }) => (book_id === undefined) !== (document_ids === undefined), 'name a book or documents')
  .meta({ id: 'Reclassify' });
export type ReclassifyBody = z.infer<typeof reclassifyBody>;

export const listDocumentsQuery = z.object({
  limit: z.coerce.number<string>().int().min(1).max(100).default(20),
  cursor: z.string().optional(),
});
export type ListDocumentsQuery = z.infer<typeof listDocumentsQuery>;

export const acceptedDocuments = z
  .object({
    task_id: z.uuid(),
    documents: z.array(z.object({ id: z.uuid(), name: z.string(), media_type: z.enum(MEDIA_TYPES), bytes: z.int() })),
  })
  .meta({ id: 'AcceptedDocuments' });
export type AcceptedDocuments = z.infer<typeof acceptedDocuments>;

export const documentView = z
  .object({
    id: z.uuid(),
    name: z.string(),
    media_type: z.enum(MEDIA_TYPES),
    bytes: z.int(),
    task_id: z.uuid().meta({ description: 'the task that reads it, or did so last' }),
    state: z.enum(DOCUMENT_STATES),
    pages: z.int().nullable().meta({ description: 'null until all have been read' }),
    pages_without_text: z.array(z.int()).meta({ description: 'pages of which no text could be had' }),
    classification: z
      .object({
        title: z.string(),
        language: z.string(),
        level: z.string(),
        subject: z.string(),
        chapters: z.array(z.object({ title: z.string(), first_page: z.int() })),
      })
      .nullable(),
    book_id: z.int().nullable(),
    error: z.object({ code: z.string(), message: z.string() }).nullable(),
    created_at: z.iso.datetime(),
  })
  .meta({ id: 'Document' });
export type DocumentView = z.infer<typeof documentView>;

export const documentPage = z
  .object({ documents: z.array(documentView), next_cursor: z.string().optional().meta({ description: 'absent on the last page' }) })
  .meta({ id: 'DocumentPage' });
export type DocumentPage = z.infer<typeof documentPage>;

export const acceptedTask = z.object({ task_id: z.uuid() }).meta({ id: 'AcceptedTask' });

export const deletedDocument = z.object({ id: z.uuid() }).meta({ id: 'DeletedDocument' });
