import { Injectable } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { BlobStore } from '../blobs/index.js';
import { PeriodicSweep } from '../sweeps/index.js';
import { DocumentsRepository } from './documents.repository.js';

const BATCH = 100;

/** Removes the files of documents whose task has completed, or is forgotten, and so cannot be gone on with. What was read stays. */
@Injectable()
export class DocumentSweep extends PeriodicSweep {
  constructor(
    context: AbortContext,
    private readonly documents: DocumentsRepository,
    private readonly blobs: BlobStore,
  ) {
    super(context, { place: 'Documents', what: 'files' });
  }

  protected async sweep(): Promise<void> {
    while ((await this.#letGo()) === BATCH && !this.isOver);
  }

  async #letGo(): Promise<number> {
    return await this.documents.inTransaction(async (tx) => {
      const blobs = await this.documents.letGo(tx, BATCH);
      await this.blobs.expire(tx, blobs);
      return blobs.length;
    });
  }
}
