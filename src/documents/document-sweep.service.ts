import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { BlobStore } from '../blobs/index.js';
import { DocumentsRepository } from './documents.repository.js';

const EVERY_MS = 60_000;
const BATCH = 100;

/** Removes the files of documents whose task has completed, or is forgotten, and so cannot be gone on with. What was read stays. */
@Injectable()
export class DocumentSweep implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('Documents');
  #timer?: NodeJS.Timeout;
  #underWay: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(
    private readonly context: AbortContext,
    private readonly documents: DocumentsRepository,
    private readonly blobs: BlobStore,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => {
      this.#underWay = this.run();
    }, EVERY_MS).unref();
  }

  async onApplicationShutdown(): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#timer);
    await this.#underWay;
  }

  /** One sweep, now. Never rejects: what could not be let go of is tried again with the next. */
  async run(): Promise<void> {
    try {
      let count = 0;
      do count = await this.context.detached('sweep: files of documents', () => this.#letGo());
      while (!this.#isOver && count === BATCH);
    } catch (error) {
      this.#logger.warn({ err: error, msg: '[Documents] A sweep of files failed' });
    }
  }

  async #letGo(): Promise<number> {
    return await this.documents.inTransaction(async (tx) => {
      const blobs = await this.documents.letGo(tx, BATCH);
      await this.blobs.expire(tx, blobs);
      return blobs.length;
    });
  }
}
