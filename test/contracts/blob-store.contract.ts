import { createHash } from 'node:crypto';
import { afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { CancelledError } from '../../src/abort/index.js';
import { BlobMissingError, type BlobStore, type WriteOptions, type WrittenBlob } from '../../src/blobs/index.js';
import { Gate } from '../../src/testing/index.js';
import type { OpenDatabase } from '../support/abort-database.js';

/** A store, and what it shows of itself beside the register. */
export interface StoreUnderTest {
  readonly database: OpenDatabase;
  readonly store: BlobStore;
  /** What lies in it, of any blob, finished or not. */
  pieces(): Promise<number>;
  /** From now on bytes cannot be removed. Returns what mends it. */
  breakRemovals(): () => void;
}

const PIECE = 256 * 1024;
const OPTIONS: WriteOptions = { name: 'x.pdf', maxBytes: 10 * PIECE };

/** What every place for blobs must do. */
export function describeBlobStore(what: string, open: () => StoreUnderTest): void {
  describe(`blobs in ${what}`, () => {
    let store: BlobStore;
    let database: OpenDatabase;

    beforeAll(() => {
      ({ store, database } = open());
    });
    afterEach(() => {
      jest.restoreAllMocks();
    });

    const detached = <T>(work: () => Promise<T>): Promise<T> => database.context.detached('a test', work);
    const rows = () => detached(() => database.db.selectFrom('blobs').selectAll().execute());
    const sweep = (): Promise<number> => detached(() => store.removeExpired());
    const write = (bytes: Uint8Array, over: Partial<WriteOptions> = {}): Promise<WrittenBlob> =>
      detached(() => store.write('learner', pieces(bytes, 60_001), { ...OPTIONS, ...over }));
    const keep = (id: string): Promise<void> => detached(() => database.db.transaction().execute((tx) => store.keep(tx, [id])));
    const isEmpty = async (): Promise<void> => {
      expect(await rows()).toEqual([]);
      expect(await open().pieces()).toBe(0);
    };

    it.each([0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])('give back what was written, of %i bytes', async (size) => {
      const bytes = sample(size);
      const written = await write(bytes);
      expect(written).toMatchObject({ bytes: size, sha256: createHash('sha256').update(bytes).digest('hex') });
      expect(Buffer.from(written.head)).toEqual(bytes.subarray(0, 4096));
      const read = await detached(() => store.readWhole(written.id)).catch((error: unknown) => error);
      if (size > 0) expect(Buffer.compare(read as Buffer, bytes)).toBe(0);
      await detached(() => store.remove(written.id));
      await isEmpty();
    });

    it('come in pieces of 256 KiB at the most, also out', async () => {
      const { id } = await write(sample(2 * PIECE + 5));
      const sizes: number[] = [];
      await detached(async () => {
        for await (const piece of store.read(id)) sizes.push(piece.length);
      });
      expect(sizes).toEqual([PIECE, PIECE, 5]);
      await detached(() => store.remove(id));
    });

    it('refuse one that is larger than allowed, by its name, and keep nothing of it', async () => {
      await expect(write(sample(PIECE + 1), { maxBytes: PIECE })).rejects.toMatchObject({
        code: 'file_too_large',
        message: `x.pdf is larger than ${PIECE} bytes.`,
      });
      await isEmpty();
    });

    it('keep nothing of one whose source fails, and pass the failure on', async () => {
      async function* source(): AsyncGenerator<Uint8Array> {
        yield await Promise.resolve(sample(PIECE));
        throw new Error('the line broke');
      }
      await expect(detached(() => store.write('learner', source(), OPTIONS))).rejects.toThrow('the line broke');
      await isEmpty();
    });

    it('keep nothing of one that is aborted while its source is silent, and throw the reason itself', async () => {
      const abort = new AbortController();
      const silence = new Gate();
      async function* source(): AsyncGenerator<Uint8Array> {
        yield sample(PIECE);
        await silence.wait();
      }
      const writing = database.context.run(abort.signal, () => store.write('learner', source(), OPTIONS));
      await silence.reached;
      const reason = new CancelledError();
      abort.abort(reason);
      await expect(writing).rejects.toBe(reason);
      await isEmpty();
      silence.open();
    });

    it('are not read on after an abort', async () => {
      const { id } = await write(sample(3 * PIECE));
      const abort = new AbortController();
      const reason = new CancelledError();
      let count = 0;
      const reading = database.context.run(abort.signal, async () => {
        for await (const piece of store.read(id)) {
          count += piece.length;
          abort.abort(reason);
        }
      });
      await expect(reading).rejects.toBe(reason);
      expect(count).toBe(PIECE);
      await detached(() => store.remove(id));
    });

    it('go with a sweep once they have expired, unless they are kept', async () => {
      const [kept, left] = [await write(sample(9)), await write(sample(9))];
      await keep(kept.id);
      expect(await sweep()).toBe(0);
      expect(await rows()).toHaveLength(2);
      await detached(() =>
        database.db
          .updateTable('blobs')
          .set({ expires_at: new Date(0) })
          .where('expires_at', 'is not', null)
          .execute(),
      );
      await sweep();
      expect((await rows()).map(({ id }) => id)).toEqual([kept.id]);
      await expect(detached(() => store.readWhole(left.id))).rejects.toBeInstanceOf(BlobMissingError);
      expect(Buffer.from(await detached(() => store.readWhole(kept.id)))).toEqual(sample(9));
      await detached(() => store.remove(kept.id));
      await isEmpty();
    });

    it('cannot be kept once they are gone', async () => {
      const { id } = await write(sample(9));
      await detached(() => store.remove(id));
      await expect(keep(id)).rejects.toBeInstanceOf(BlobMissingError);
    });

    it('are discarded only where nobody has kept them', async () => {
      const [kept, left] = [await write(sample(9)), await write(sample(9))];
      await keep(kept.id);
      await detached(() => store.discard([kept.id, left.id]));
      expect((await rows()).map(({ id }) => id)).toEqual([kept.id]);
      await detached(() => store.remove(kept.id));
    });

    it('are removed beyond the reach of an abort', async () => {
      const { id } = await write(sample(9));
      const abort = new AbortController();
      abort.abort(new CancelledError());
      await database.context.run(abort.signal, () => store.remove(id));
      await isEmpty();
    });

    it('are removed later where it cannot be done at once: a warning, and the next sweep that can', async () => {
      const { id } = await write(sample(9));
      await keep(id);
      const warn = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => undefined);
      const mend = open().breakRemovals();
      await detached(() => store.remove(id));
      await sweep();
      expect(await rows()).toHaveLength(1);
      const msg = `[Blobs] Blob ${id} could not be removed: the sweep will try again`;
      expect(warn.mock.calls).toEqual([[expect.objectContaining({ msg })], [expect.objectContaining({ msg })]]);
      mend();
      await sweep();
      await isEmpty();
    });
  });
}

function sample(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, (_, index) => (index * 31) % 251));
}

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield await Promise.resolve(bytes.subarray(at, at + size));
}
