import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, jest } from '@jest/globals';
import { BlobsRepository } from '../../src/blobs/blobs.repository.js';
import { DatabaseBlobStore } from '../../src/blobs/database-blob-store.js';
import { DirectoryBlobStore } from '../../src/blobs/directory-blob-store.js';
import { migrate } from '../../src/database/migrate.js';
import { Scratch, type OpenDatabase } from '../support/abort-database.js';
import { backends } from '../support/backends.js';
import { describeBlobStore } from './blob-store.contract.js';

describe.each(backends)('with the register on %s', (backend) => {
  let scratch: Scratch;
  let database: OpenDatabase;
  let directory: string;

  beforeAll(async () => {
    scratch = await Scratch.create(backend);
    database = await scratch.open();
    await database.context.detached('the tables', () => migrate(database.db));
    directory = await mkdtemp(join(tmpdir(), 'hangup-blobs-'));
  }, 60_000);
  afterAll(async () => {
    await database.close();
    await scratch.drop();
    await rm(directory, { recursive: true });
  });

  const repository = (): BlobsRepository => new BlobsRepository(database.db);
  const noRemoval = (): Promise<never> => Promise.reject(new Error('the disk is read-only'));

  describeBlobStore('the database', () => ({
    database,
    store: new DatabaseBlobStore(database.context, repository()),
    pieces: async () => {
      const rows = await database.context.detached('a test', () => database.db.selectFrom('blob_chunks').select('blob_id').execute());
      return rows.length;
    },
    breakRemovals: () => {
      const spy = jest.spyOn(DatabaseBlobStore.prototype as unknown as { erase(): Promise<void> }, 'erase').mockImplementation(noRemoval);
      return () => spy.mockRestore();
    },
  }));

  describeBlobStore('a directory', () => ({
    database,
    store: new DirectoryBlobStore(database.context, repository(), directory),
    pieces: async () => (await readdir(directory)).length,
    breakRemovals: () => {
      const spy = jest.spyOn(DirectoryBlobStore.prototype as unknown as { erase(): Promise<void> }, 'erase').mockImplementation(noRemoval);
      return () => spy.mockRestore();
    },
  }));
});
