import { createHash, randomUUID } from 'node:crypto';
import { Logger } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import type { Tx } from '../database/index.js';
import { DomainError } from '../problems/index.js';
import type { BlobsRepository, Place } from './blobs.repository.js';
import { chunked } from './chunked.js';

/** What has been written. */
export interface WrittenBlob {
  readonly id: string;
  readonly bytes: number;
  /** In hexadecimal. */
  readonly sha256: string;
  /** Its first bytes, at most 4096: enough to see what it is. */
  readonly head: Uint8Array;
}

export interface WriteOptions {
  /** What it is to its sender, for the message of a refusal. */
  readonly name: string;
  readonly maxBytes: number;
}

/** Takes the pieces of one blob, in order. */
export interface BlobWriter {
  append(piece: Buffer): Promise<void>;
  /** After the last piece: from now on the blob can be read. */
  close(): Promise<void>;
  /** Instead of `close`: lets go of what it holds. */
  abandon(): Promise<void>;
}

/** A store whose blob is gone: it had expired, or was never written. */
export class BlobMissingError extends Error {
  override readonly name = 'BlobMissingError';

  constructor(id: string) {
    super(`Blob ${id} is not in the store.`);
  }
}

export const PIECE_BYTES = 256 * 1024;
const HEAD_BYTES = 4096;
/** What nobody has kept by then is removed: its upload was cut off together with its server. */
const UNKEPT_FOR_MS = 3_600_000;

/**
 * Where large bytes are while work needs them, in reach of every instance. What is written is removed after an hour unless it is kept;
 * what is removed is gone at once or, where that fails, with a later sweep. One piece is in memory at a time. All methods work under
 * the ambient signal and throw its reason; removals are shielded from it.
 */
export abstract class BlobStore {
  readonly #logger = new Logger('Blobs');

  constructor(
    protected readonly context: AbortContext,
    protected readonly blobs: BlobsRepository,
  ) {}

  /** Where this store has its bytes, as the register says it. */
  abstract readonly place: Place;

  protected abstract open(id: string): Promise<BlobWriter>;

  /** The pieces of a blob that is in the register. Throws `BlobMissingError` where it has none of them. */
  protected abstract pieces(id: string): AsyncGenerator<Uint8Array>;

  /** Removes the bytes, also of a blob that was never finished or is gone already. */
  protected abstract erase(id: string): Promise<void>;

  /**
   * Writes what `source` gives, no faster than the store takes it. On abort, on a failure, and on more than `maxBytes`, where it throws
   * `file_too_large`, nothing of it stays.
   */
  async write(owner: string, source: AsyncIterable<Uint8Array>, options: WriteOptions): Promise<WrittenBlob> {
    const id = randomUUID();
    const { signal } = this.context;
    await this.blobs.begin(id, owner, this.place, UNKEPT_FOR_MS);
    try {
      return await this.#fill(id, source, options);
    } catch (error) {
      await this.remove(id);
      throw signal.aborted ? signal.reason : error;
    }
  }

  /** In the caller's transaction: from now on they stay until they are removed. Throws `BlobMissingError` where one is gone. */
  async keep(tx: Tx, ids: readonly string[]): Promise<void> {
    if (ids.length === 0 || (await this.blobs.keep(tx, ids)) === ids.length) return;
    throw new BlobMissingError(ids.join(', '));
  }

  /** In the caller's transaction: once it has committed they are as good as removed. To be followed by `remove`, which makes it soon. */
  async expire(tx: Tx, ids: readonly string[]): Promise<void> {
    await this.blobs.expire(ids, tx);
  }

  /** Piece by piece. Throws `BlobMissingError` where it is gone. */
  async *read(id: string): AsyncGenerator<Uint8Array> {
    if (!(await this.blobs.isThere(id))) throw new BlobMissingError(id);
    yield* this.pieces(id);
  }

  /** All of it at once, for readers that jump to and fro. */
  async readWhole(id: string): Promise<Uint8Array> {
    const pieces: Uint8Array[] = [];
    for await (const piece of this.read(id)) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /** Never rejects: a removal that failed is tried again by the sweep, on any instance. */
  async remove(id: string): Promise<void> {
    await this.#shielded(id, async () => {
      await this.blobs.expire([id]);
      await this.#erase(id);
    });
  }

  /** Removes those of them that nobody has kept. Never rejects. */
  async discard(ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return;
    await this.#shielded(ids.join(', '), async () => {
      for (const id of await this.blobs.expireUnkept(ids)) await this.#erase(id);
    });
  }

  /** Removes what has expired; what could not be removed is left for the next time. `isOver` ends it early. Returns how many went. */
  async removeExpired(isOver: () => boolean = () => false): Promise<number> {
    const failed: string[] = [];
    let count = 0;
    while (!isOver()) {
      const removed = await this.blobs.removeExpired(this.place, failed, (id) => this.erase(id));
      if (!removed) break;
      if (removed.error === undefined) count += 1;
      else {
        failed.push(removed.id);
        this.#warn(removed.id, removed.error);
      }
    }
    return count;
  }

  async #fill(id: string, source: AsyncIterable<Uint8Array>, { name, maxBytes }: WriteOptions): Promise<WrittenBlob> {
    const hash = createHash('sha256');
    let bytes = 0;
    let head: Uint8Array = new Uint8Array();
    const writer = await this.open(id);
    try {
      for await (const piece of chunked(source, PIECE_BYTES, this.context.signal)) {
        if (bytes === 0) head = Uint8Array.from(piece.subarray(0, HEAD_BYTES));
        bytes += piece.length;
        if (bytes > maxBytes) throw new DomainError('file_too_large', `${name} is larger than ${maxBytes} bytes.`);
        hash.update(piece);
        await writer.append(piece);
      }
    } catch (error) {
      await writer.abandon();
      throw error;
    }
    await writer.close();
    const sha256 = hash.digest('hex');
    await this.blobs.finish(id, bytes, sha256);
    return { id, bytes, sha256, head };
  }

  async #erase(id: string): Promise<void> {
    await this.erase(id);
    await this.blobs.forget(id);
  }

  async #shielded(id: string, remove: () => Promise<void>): Promise<void> {
    try {
      await this.context.shield(remove);
    } catch (error) {
      this.#warn(id, error);
    }
  }

  #warn(id: string, error: unknown): void {
    this.#logger.warn({ err: error, msg: `[Blobs] Blob ${id} could not be removed: the sweep will try again`, blob_id: id });
  }
}
