import { Injectable } from '@nestjs/common';
import { BlobMissingError, BlobStore, type BlobWriter } from './blob-store.js';

/** Blobs as rows, a piece each: wherever there is a database, and nothing else to share. */
@Injectable()
export class DatabaseBlobStore extends BlobStore {
  readonly place = 'database';

  protected open(id: string): Promise<BlobWriter> {
    let ordinal = 0;
    return Promise.resolve({
      append: (piece) => this.blobs.addChunk(id, ordinal++, piece),
      close: () => Promise.resolve(),
      abandon: () => Promise.resolve(),
    });
  }

  protected async *pieces(id: string): AsyncGenerator<Uint8Array> {
    for (let ordinal = 0; ; ordinal += 1) {
      const piece = await this.blobs.chunk(id, ordinal);
      if (piece) yield piece;
      else if (ordinal === 0) throw new BlobMissingError(id);
      else return;
    }
  }

  /** The rows go with the blob's own. */
  protected erase(): Promise<void> {
    return Promise.resolve();
  }
}
