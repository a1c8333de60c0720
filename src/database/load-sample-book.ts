import type { Kysely } from 'kysely';
import type { SampleBook } from './sample/sample-book.js';
import type { Schema } from './schema.js';

/** Puts a book in, once: instances that start together, and later starts, change nothing. */
export async function loadSampleBook(db: Kysely<Schema>, { id, title, language, chapters }: SampleBook): Promise<void> {
  await db.transaction().execute(async (tx) => {
    await tx
      .insertInto('books')
      .values({ id, title, language })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const rows = chapters.map((chapter) => ({ id: chapter.id, book_id: id, title: chapter.title, level: chapter.level }));
    await tx
      .insertInto('chapters')
      .values(rows)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    const passages = chapters.flatMap((chapter) =>
      chapter.passages.map((passage, ordinal) => ({ ...passage, chapter_id: chapter.id, ordinal })),
    );
    await tx
      .insertInto('passages')
      .values(passages)
      .onConflict((conflict) => conflict.doNothing())
      .execute();
  });
}
