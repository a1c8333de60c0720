import { Module } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { APP_CONFIG, type AppConfig } from '../config/index.js';
import { BlobStore } from './blob-store.js';
import { BlobSweep } from './blob-sweep.service.js';
import { BlobsRepository } from './blobs.repository.js';
import { DatabaseBlobStore } from './database-blob-store.js';
import { DirectoryBlobStore } from './directory-blob-store.js';

/** A directory where one is configured, else the database. */
function openStore({ uploads }: AppConfig, context: AbortContext, blobs: BlobsRepository): BlobStore {
  return uploads.blobDir === undefined ? new DatabaseBlobStore(context, blobs) : new DirectoryBlobStore(context, blobs, uploads.blobDir);
}

/** Large bytes, in reach of every instance for as long as work needs them. */
@Module({
  providers: [
    BlobsRepository,
    BlobSweep,
    { provide: BlobStore, useFactory: openStore, inject: [APP_CONFIG, AbortContext, BlobsRepository] },
  ],
  exports: [BlobStore, BlobSweep],
})
export class BlobsModule {}
