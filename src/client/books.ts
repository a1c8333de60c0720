import type { z } from 'zod';
import type { bookList, chapterList } from '../quizzes/quiz.dto.js';
import type { Asking, CallOptions } from './asking.js';

export type BookList = z.output<typeof bookList>;
export type ChapterList = z.output<typeof chapterList>;

/** What there is to learn from. */
export class Books {
  constructor(private readonly asking: Asking) {}

  /** The books that are everybody's, and your own. */
  list(options?: CallOptions): Promise<BookList> {
    return this.asking.json({ path: '/api/books', field: 'books' }, options);
  }

  chapters(bookId: number, options?: CallOptions): Promise<ChapterList> {
    return this.asking.json({ path: `/api/books/${bookId}/chapters`, field: 'chapters' }, options);
  }
}
