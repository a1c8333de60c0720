import { Injectable, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';
import { Jobs, type JobKind, type JobTask } from '../jobs/index.js';
import type { Outcome } from '../tasks/index.js';
import { Cataloguer, noneReadable } from './cataloguer.service.js';
import { DocumentPipeline } from './document-pipeline.service.js';
import { DocumentsRepository } from './documents.repository.js';

/** Which documents, and the book that they are, where they are one. */
export const reclassificationInput = z.object({ book_id: z.int().nullable(), document_ids: z.array(z.uuid()) });
export type ReclassificationInput = z.infer<typeof reclassificationInput>;

const DOCUMENTS_AT_ONCE = 2;

/** Classifies documents anew, and makes their book anew. */
@Injectable()
export class DocumentReclassification implements JobKind<ReclassificationInput>, OnModuleInit {
  readonly kind = 'document_reclassification';
  readonly input = reclassificationInput;
  readonly concurrency = 2;
  readonly perUser = 1;
  readonly itemWord = 'file';
  readonly lastCalls = ['catalogue'];
  readonly onResumed: JobKind<ReclassificationInput>['onResumed'] = (tx, from, to) => this.documents.handOver(tx, from, to);

  constructor(
    private readonly jobs: Jobs,
    private readonly documents: DocumentsRepository,
    private readonly pipeline: DocumentPipeline,
    private readonly cataloguer: Cataloguer,
  ) {}

  onModuleInit(): void {
    this.jobs.register(this);
  }

  calls(stage: string): readonly string[] {
    return [`${stage} classify`];
  }

  /** Nothing changes about the book until its end, unless all documents could be classified in vain: then not at all. */
  async work(task: JobTask<ReclassificationInput>): Promise<Outcome<unknown>> {
    const { completed } = await task.each({ concurrency: DOCUMENTS_AT_ONCE }, (item) => this.pipeline.readAgain(task, item));
    if (completed === 0) throw noneReadable(await this.documents.ofTask(task.key));
    task.before('catalogue');
    const { book_id } = task.input;
    return await (book_id === null ? this.cataloguer.makeBook(task.key) : this.cataloguer.remakeBook(task.key, book_id));
  }
}
