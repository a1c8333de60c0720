import { mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { AbortContext } from '../abort/index.js';
import { BlobMissingError, BlobStore, PIECE_BYTES, type BlobWriter } from './blob-store.js';
import type { BlobsRepository } from './blobs.repository.js';

/** Blobs as files of a directory that all instances share. A file has its name only once it is whole. */
export class DirectoryBlobStore extends BlobStore {
  readonly place = 'directory';
  readonly #directory: string;

  constructor(context: AbortContext, blobs: BlobsRepository, directory: string) {
    super(context, blobs);
    this.#directory = directory;
  }

  protected async open(id: string): Promise<BlobWriter> {
    await mkdir(this.#directory, { recursive: true });
    const [path, partial] = [this.#pathOf(id), this.#partialOf(id)];
    const file = await open(partial, 'wx', 0o600);
    return {
      append: async (piece) => {
        this.context.checkpoint();
        await file.appendFile(piece);
      },
      close: async () => {
        await file.sync();
        await file.close();
        await rename(partial, path);
      },
      abandon: () => file.close(),
    };
  }

  protected async *pieces(id: string): AsyncGenerator<Uint8Array> {
    const file = await this.#opened(id);
    try {
      for (;;) {
        this.context.checkpoint();
        const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PIECE_BYTES));
        if (bytesRead === 0) return;
        yield buffer.subarray(0, bytesRead);
      }
    } finally {
      await file.close();
    }
  }

  protected async erase(id: string): Promise<void> {
    await Promise.all([rm(this.#partialOf(id), { force: true }), rm(this.#pathOf(id), { force: true })]);
  }

  async #opened(id: string): Promise<FileHandle> {
    try {
      return await open(this.#pathOf(id), 'r');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new BlobMissingError(id);
      throw error;
    }
  }

  #pathOf(id: string): string {
    return join(this.#directory, id);
  }

  #partialOf(id: string): string {
    return join(this.#directory, `${id}.part`);
  }
}
