import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { BlobStore } from './blob-store.js';

const EVERY_MS = 60_000;

/** Removes blobs that have expired: what nobody kept, and what could not be removed at once. On every instance, each its own. */
@Injectable()
export class BlobSweep implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('Blobs');
  #timer?: NodeJS.Timeout;
  #underWay: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(
    private readonly context: AbortContext,
    private readonly store: BlobStore,
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

  /** One sweep, now. Never rejects: what could not be removed is tried again with the next. */
  async run(): Promise<void> {
    try {
      await this.context.detached('sweep: expired blobs', () => this.store.removeExpired(() => this.#isOver));
    } catch (error) {
      this.#logger.warn({ err: error, msg: '[Blobs] A sweep of expired blobs failed' });
    }
  }
}
