import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database, type Tx } from '../database/index.js';

/** Which store holds the bytes of a blob. */
export type Place = 'database' | 'directory';

/** The register of blobs, and the bytes of those that the database holds. A statement handles one chunk at the most. */
@Injectable()
export class BlobsRepository {
  constructor(private readonly db: Database) {}

  /** The row of a blob whose bytes are still to come. It is removed after `ttlMs` unless somebody keeps it. */
  async begin(id: string, owner: string, place: Place, ttlMs: number): Promise<void> {
    await this.db
      .insertInto('blobs')
      .values({ id, owner, place, expires_at: sql<Date>`clock_timestamp() + ${ttlMs} * interval '1 ms'` })
      .execute();
  }

  async finish(id: string, bytes: number, sha256: string): Promise<void> {
    await this.db.updateTable('blobs').set({ bytes, sha256 }).where('id', '=', id).execute();
  }

  /** Returns how many of them were still there to be kept. */
  async keep(tx: Tx, ids: readonly string[]): Promise<number> {
    const { numUpdatedRows } = await tx
      .updateTable('blobs')
      .set({ expires_at: null })
      .where('id', 'in', [...ids])
      .executeTakeFirst();
    return Number(numUpdatedRows);
  }

  /** From now on they may be removed at any time. */
  async expire(ids: readonly string[], db: Tx | Database = this.db): Promise<void> {
    if (ids.length === 0) return;
    await db
      .updateTable('blobs')
      .set({ expires_at: sql<Date>`clock_timestamp()` })
      .where('id', 'in', [...ids])
      .execute();
  }

  /** As `expire`, of those that nobody keeps. Returns them. */
  async expireUnkept(ids: readonly string[]): Promise<string[]> {
    const rows = await this.db
      .updateTable('blobs')
      .set({ expires_at: sql<Date>`clock_timestamp()` })
      .where('id', 'in', [...ids])
      .where('expires_at', 'is not', null)
      .returning('id')
      .execute();
    return rows.map(({ id }) => id);
  }

  async isThere(id: string): Promise<boolean> {
    return (await this.db.selectFrom('blobs').select('id').where('id', '=', id).executeTakeFirst()) !== undefined;
  }

  /** With the bytes, where the database holds them. */
  async forget(id: string, db: Tx | Database = this.db): Promise<void> {
    await db.deleteFrom('blobs').where('id', '=', id).execute();
  }

  /**
   * Hands the blob that expired first to `remove`, and forgets it with the same commit. Others that do this at the same time get
   * another one. Returns its id, `undefined` where there is none but those of `except`; what `remove` throws comes with the id.
   */
  async removeExpired(place: Place, except: readonly string[], remove: (id: string) => Promise<void>): Promise<Removed | undefined> {
    return await this.db.transaction().execute(async (tx): Promise<Removed | undefined> => {
      const blob = await tx
        .selectFrom('blobs')
        .select('id')
        .where('place', '=', place)
        .where(sql<boolean>`expires_at <= clock_timestamp()`)
        .where(sql<boolean>`id <> all(${[...except]}::uuid[])`)
        .orderBy('expires_at')
        .limit(1)
        .forUpdate()
        .skipLocked()
        .executeTakeFirst();
      if (!blob) return undefined;
      try {
        await remove(blob.id);
      } catch (error) {
        return { id: blob.id, error };
      }
      await this.forget(blob.id, tx);
      return { id: blob.id };
    });
  }

  async addChunk(id: string, ordinal: number, bytes: Buffer): Promise<void> {
    await this.db.insertInto('blob_chunks').values({ blob_id: id, ordinal, bytes }).execute();
  }

  async chunk(id: string, ordinal: number): Promise<Buffer | undefined> {
    const row = await this.db
      .selectFrom('blob_chunks')
      .select('bytes')
      .where('blob_id', '=', id)
      .where('ordinal', '=', ordinal)
      .executeTakeFirst();
    return row?.bytes;
  }
}

/** What became of one blob that had expired. */
export interface Removed {
  readonly id: string;
  readonly error?: unknown;
}
