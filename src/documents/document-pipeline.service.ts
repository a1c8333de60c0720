import { Injectable } from '@nestjs/common';
import { AbortContext, isAbortOf } from '../abort/index.js';
import type { JobTask } from '../jobs/index.js';
import { DomainError, toProblem } from '../problems/index.js';
import type { Item } from '../tasks/index.js';
import { ChunkEmbedder } from './chunk-embedder.service.js';
import { Classifier } from './classifier.service.js';
import { classificationOf } from './document.js';
import { toDocumentResult, type DocumentResult } from './document-result.js';
import { DocumentsRepository, type DocumentRow } from './documents.repository.js';
import { PageTexts } from './page-texts.service.js';

export type PipelineTask = Pick<JobTask<unknown>, 'key' | 'before'>;

/**
 * What is done with each document of a task: its text, what it is, its pieces. Every step stores what it has come to before the next
 * begins, and a step whose outcome is stored is not taken again.
 */
@Injectable()
export class DocumentPipeline {
  constructor(
    private readonly context: AbortContext,
    private readonly documents: DocumentsRepository,
    private readonly texts: PageTexts,
    private readonly classifier: Classifier,
    private readonly embedder: ChunkEmbedder,
  ) {}

  /** Brings a document as far as it has to come before a book can be made of it. */
  async read(task: PipelineTask, item: Item): Promise<DocumentResult> {
    return await this.#each(task, item, async (document) => {
      if (document.pages === null) await this.texts.extract(document, item.stage);
      if (!classificationOf(document)) await this.#classify(task, document, item);
      await this.embedder.embed(document, item.stage);
    });
  }

  /** Classifies it anew, whatever it was taken for. One that is in no book is read first as far as it has not been. */
  async readAgain(task: PipelineTask, item: Item): Promise<DocumentResult> {
    return await this.#each(task, item, async (document) => {
      if (document.pages === null) await this.texts.extract(document, item.stage);
      await this.#classify(task, document, item);
      if (document.book_id === null) await this.embedder.embed(document, item.stage);
    });
  }

  async #classify(task: PipelineTask, document: DocumentRow, { stage }: Item): Promise<void> {
    task.before('classification');
    await this.classifier.classify(document, stage);
  }

  async #each({ key }: PipelineTask, { key: id }: Item, work: (document: DocumentRow) => Promise<void>): Promise<DocumentResult> {
    const document = await this.documents.find(key, id);
    if (!document) throw gone(id);
    try {
      await work(document);
    } catch (error) {
      if (!isAbortOf(error, this.context.signal)) await this.#fail(id, error);
      throw error;
    }
    const read = await this.documents.find(key, id);
    if (!read) throw gone(id);
    return toDocumentResult(read);
  }

  async #fail(id: string, error: unknown): Promise<void> {
    const { code, detail: message } = toProblem(error);
    await this.context.shield(() => this.documents.setFailed(id, { code, message }));
  }
}

function gone(id: string): DomainError {
  return new DomainError('document_not_found', `Document ${id} has been deleted, or is another task's by now.`);
}
