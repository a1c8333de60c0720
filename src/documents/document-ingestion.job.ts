import { Injectable, type OnModuleInit } from '@nestjs/common';
import { z } from 'zod';
import { Jobs, type JobKind, type JobTask } from '../jobs/index.js';
import type { Outcome } from '../tasks/index.js';
import { Cataloguer } from './cataloguer.service.js';
import { DocumentPipeline } from './document-pipeline.service.js';
import { DocumentsRepository } from './documents.repository.js';

/** What an upload asked for: the same files under the same title are the same request. */
export const ingestionInput = z.object({
  title: z.string().optional(),
  files: z.array(z.object({ name: z.string(), sha256: z.string(), bytes: z.int() })),
});
export type IngestionInput = z.infer<typeof ingestionInput>;

/** Files of one upload that are worked on at once. */
const FILES_AT_ONCE = 2;

/** Reads what was uploaded, file by file, and makes a book of it. */
@Injectable()
export class DocumentIngestion implements JobKind<IngestionInput>, OnModuleInit {
  readonly kind = 'document_ingestion';
  readonly input = ingestionInput;
  readonly concurrency = 2;
  readonly perUser = 1;
  readonly itemWord = 'file';
  readonly lastCalls = ['catalogue'];
  readonly onResumed: JobKind<IngestionInput>['onResumed'] = (tx, from, to) => this.documents.handOver(tx, from, to);

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
    return [`${stage} classify`, `${stage} embed`];
  }

  async work(task: JobTask<IngestionInput>): Promise<Outcome<unknown>> {
    await task.each({ concurrency: FILES_AT_ONCE }, (item) => this.pipeline.read(task, item));
    task.before('catalogue');
    return await this.cataloguer.makeBook(task.key, task.input.title);
  }
}
