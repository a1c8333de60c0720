import { Injectable } from '@nestjs/common';
import type { User } from '../auth/index.js';
import { BookRemovalRepository, ContentRepository } from '../content/index.js';
import { DomainError } from '../problems/index.js';
import { Cancels, stoppedOf } from '../tasks/index.js';

/** How long the tasks of a book that is deleted may take to stop. One that goes on finds no book at its end. */
const LONGEST_STOP_MS = 5000;

/** What there is to learn from. Somebody else's book answers exactly as an unknown one. */
@Injectable()
export class BooksService {
  constructor(
    private readonly content: ContentRepository,
    private readonly removal: BookRemovalRepository,
    private readonly cancels: Cancels,
  ) {}

  async list(user: User) {
    return { books: await this.content.listBooks(user) };
  }

  /** One book. Throws `book_not_found`. */
  async get(bookId: number, user: User) {
    const book = await this.content.findBook(bookId, user);
    if (!book) throw unknownBook(bookId);
    return book;
  }

  /** The chapters of a book. Throws `book_not_found`. */
  async chapters(bookId: number, user: User) {
    const chapters = await this.content.listChapters(bookId, user);
    if (chapters.length === 0 && !(await this.content.hasBook(bookId, user))) throw unknownBook(bookId);
    return { book_id: bookId, chapters };
  }

  /**
   * Deletes a book of this user's own, with its quizzes and their results, once the tasks that use it have stopped. Throws
   * `book_not_found`, also for books that are everybody's.
   */
  async delete(bookId: number, user: User) {
    if (!(await this.removal.isOwn(user.id, bookId))) throw unknownBook(bookId);
    const options = { reason: 'The book was deleted.', waitMs: LONGEST_STOP_MS };
    const { answers } = await this.cancels.bySelection(user, { scope: `book:${bookId}` }, options);
    if (!(await this.removal.delete(user.id, bookId))) throw unknownBook(bookId);
    return { id: bookId, cancelled_task_ids: stoppedOf(answers).map(({ task_id }) => task_id) };
  }
}

function unknownBook(bookId: number): DomainError {
  return new DomainError('book_not_found', `There is no book ${bookId}.`);
}
