import { Injectable } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { PeriodicSweep } from '../sweeps/index.js';
import { BlobStore } from './blob-store.js';

/** Removes blobs that have expired: what nobody kept, and what could not be removed at once. */
@Injectable()
export class BlobSweep extends PeriodicSweep {
  constructor(
    context: AbortContext,
    private readonly store: BlobStore,
  ) {
    super(context, { place: 'Blobs', what: 'expired blobs' });
  }

  protected async sweep(): Promise<void> {
    await this.store.removeExpired(() => this.isOver);
  }
}
