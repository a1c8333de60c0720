export { BlobMissingError, BlobStore, type WriteOptions, type WrittenBlob } from './blob-store.js';
export { BlobSweep } from './blob-sweep.service.js';
export { BlobsModule } from './blobs.module.js';
