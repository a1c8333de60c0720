import { Injectable } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { BlobStore } from '../blobs/index.js';
import { Llm, type ImagePart } from '../llm/index.js';
import { DomainError, toStorableText } from '../problems/index.js';
import { DocumentTextsRepository, type StoredPage } from './document-texts.repository.js';
import { DocumentsRepository, type DocumentRow } from './documents.repository.js';
import { transcribePagePrompt } from './prompts.js';
import { PdfReader } from './reading/index.js';

/** Pages that are written down in one statement. */
const PAGES_AT_ONCE = 16;

/** A page that is to be seen. */
interface PageToSee {
  readonly number: number;
  readonly image: Omit<ImagePart, 'type'>;
}

/** The text of a document, page by page: from the file where it has text, else by a model that sees, where there is one. */
@Injectable()
export class PageTexts {
  constructor(
    private readonly context: AbortContext,
    private readonly blobs: BlobStore,
    private readonly documents: DocumentsRepository,
    private readonly texts: DocumentTextsRepository,
    private readonly reader: PdfReader,
    private readonly llm: Llm,
  ) {}

  /**
   * Stores each page as it comes, so that whoever goes on after an abort goes on from there. With the last page the file is removed.
   * Throws `document_not_readable` where no page has any text.
   */
  async extract(document: DocumentRow, stage: string): Promise<void> {
    const file = await this.#fileOf(document);
    const isPdf = document.media_type === 'application/pdf';
    const count = await this.context.stage(`${stage} extract`, () => (isPdf ? this.#readPdf(document, file) : this.#readImage(document)));
    if (this.llm.canSee) await this.context.stage(`${stage} transcribe`, () => this.#transcribe(document, file));
    await this.context.stage(`${stage} extract`, () => this.#finish(document, count));
  }

  async #fileOf({ name, blob_id }: DocumentRow): Promise<Uint8Array> {
    if (blob_id !== null) return await this.blobs.readWhole(blob_id);
    throw new DomainError('document_not_readable', `The file of ${name} is no longer kept. Upload it again.`);
  }

  async #readPdf({ id }: DocumentRow, file: Uint8Array): Promise<number> {
    const from = (await this.texts.lastPage(id)) + 1;
    let count = 0;
    let read: StoredPage[] = [];
    for await (const part of this.reader.read(file, { from })) {
      if (part.type === 'document') count = part.pages;
      else read.push({ number: part.number, text: part.text, source: part.hasText ? 'text' : 'none' });
      if (read.length < PAGES_AT_ONCE) continue;
      await this.texts.savePages(id, read);
      read = [];
    }
    await this.texts.savePages(id, read);
    return count;
  }

  async #readImage({ id }: DocumentRow): Promise<number> {
    if ((await this.texts.lastPage(id)) === 0) await this.texts.savePages(id, [{ number: 1, text: '', source: 'none' }]);
    return 1;
  }

  async #transcribe(document: DocumentRow, file: Uint8Array): Promise<void> {
    const numbers = await this.texts.pagesFrom(document.id, 'none');
    if (numbers.length === 0) return;
    for await (const { number, image } of this.#images(document, file, numbers)) {
      const text = await this.#see(document.name, { number, image });
      await this.texts.savePages(document.id, [{ number, text, source: 'vision' }]);
    }
  }

  async *#images({ media_type }: DocumentRow, file: Uint8Array, numbers: readonly number[]): AsyncGenerator<PageToSee> {
    if (media_type === 'image/png' || media_type === 'image/jpeg') yield { number: 1, image: { mediaType: media_type, bytes: file } };
    else {
      for await (const { number, png } of this.reader.render(file, numbers))
        yield { number, image: { mediaType: 'image/png', bytes: png } };
    }
  }

  async #see(name: string, { number, image }: PageToSee): Promise<string> {
    let text = '';
    for await (const piece of this.llm.stream({ messages: transcribePagePrompt({ name, number, image }), model: 'vision' })) text += piece;
    return toStorableText(text).trim();
  }

  async #finish({ id, name, blob_id }: DocumentRow, count: number): Promise<void> {
    if (!(await this.texts.hasText(id))) throw unreadable(name, this.llm.canSee);
    await this.documents.inTransaction(async (tx) => {
      await this.documents.setExtracted(tx, id, count);
      await this.blobs.expire(tx, blob_id === null ? [] : [blob_id]);
    });
    if (blob_id !== null) await this.blobs.remove(blob_id);
  }
}

function unreadable(name: string, canSee: boolean): DomainError {
  const why = canSee ? 'neither text of its own nor any that a model could see' : 'no text layer and no vision model: set VISION_MODEL';
  return new DomainError('document_not_readable', `${name} has ${why}.`);
}
