import { Injectable } from '@nestjs/common';
import { ContentRepository } from '../content/index.js';
import { DomainError } from '../problems/index.js';

/** What there is to learn from. */
@Injectable()
export class BooksService {
  constructor(private readonly content: ContentRepository) {}

  async list() {
    return { books: await this.content.listBooks() };
  }

  /** The chapters of a book. Throws `book_not_found`. */
  async chapters(bookId: number) {
    const chapters = await this.content.listChapters(bookId);
    if (chapters.length === 0 && !(await this.content.hasBook(bookId)))
      throw new DomainError('book_not_found', `There is no book ${bookId}.`);
    return { book_id: bookId, chapters };
  }
}
