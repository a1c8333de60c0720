import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database, type Tx } from '../database/index.js';

/** Takes books away, with all that rests on them. */
@Injectable()
export class BookRemovalRepository {
  constructor(private readonly db: Database) {}

  async isOwn(owner: string, bookId: number): Promise<boolean> {
    return (
      (await this.db.selectFrom('books').select('id').where('id', '=', bookId).where('owner', '=', owner).executeTakeFirst()) !== undefined
    );
  }

  /**
   * The book, its chapters and passages, and everybody's quizzes on it with their results. What it was made of stays, and can become a book
   * again. False where this owner has no such book. A quiz that is being saved comes first and goes too, or comes too late and is refused.
   */
  async delete(owner: string, bookId: number): Promise<boolean> {
    return await this.db.transaction().execute(async (tx) => {
      const locked = await tx
        .selectFrom('books')
        .select('id')
        .where('id', '=', bookId)
        .where('owner', '=', owner)
        .forUpdate()
        .executeTakeFirst();
      if (!locked) return false;
      await this.#release(tx, bookId);
      await tx.deleteFrom('quizzes').where('book_id', '=', bookId).execute();
      await tx.deleteFrom('books').where('id', '=', bookId).execute();
      return true;
    });
  }

  /** The pieces of its documents have become passages, and go with them. */
  async #release(tx: Tx, bookId: number): Promise<void> {
    await tx
      .updateTable('documents')
      .set({ book_id: null, state: sql<string>`case when state = 'catalogued' then 'classified' else state end` })
      .where('book_id', '=', bookId)
      .execute();
  }
}
