import { Injectable } from '@nestjs/common';
import type { User } from '../auth/index.js';
import { Database, type Schema, type Tx } from '../database/index.js';
import { DomainError, type Cursor } from '../problems/index.js';
import { sql, type Insertable, type Selectable } from 'kysely';

export type QuizRow = Selectable<Schema['quizzes']>;
export type QuestionRow = Selectable<Schema['questions']>;
export type NewQuiz = Insertable<Schema['quizzes']>;
export type NewQuestion = Insertable<Schema['questions']>;

/** Quizzes and their questions. Whoever does not own a quiz does not find it. */
@Injectable()
export class QuizzesRepository {
  constructor(private readonly db: Database) {}

  /**
   * Writes a quiz with all its questions in the caller's transaction. Throws `book_not_found` where its book has been deleted meanwhile,
   * and `chapter_not_found` where its chapter is gone from the book.
   */
  async save(tx: Tx, quiz: NewQuiz, questions: readonly NewQuestion[]): Promise<void> {
    try {
      await tx.insertInto('quizzes').values(quiz).execute();
      await tx.insertInto('questions').values(questions).execute();
    } catch (error) {
      throw goneFor(quiz, error) ?? error;
    }
  }

  async find(id: string, user: User): Promise<{ quiz: QuizRow; questions: QuestionRow[] } | undefined> {
    const quiz = await this.#visibleTo(user).where('id', '=', id).executeTakeFirst();
    return quiz && { quiz, questions: await this.#questionsOf([id]) };
  }

  async list(user: User, limit: number, after?: Cursor): Promise<{ quiz: QuizRow; questions: QuestionRow[] }[]> {
    const quizzes = await this.#visibleTo(user)
      .$if(after !== undefined, (query) =>
        query.where(sql<boolean>`(created_at, id) < (${after?.createdAt}::timestamptz, ${after?.id}::uuid)`),
      )
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
    const questions = quizzes.length === 0 ? [] : await this.#questionsOf(quizzes.map(({ id }) => id));
    return quizzes.map((quiz) => ({ quiz, questions: questions.filter(({ quiz_id }) => quiz_id === quiz.id) }));
  }

  #visibleTo(user: User) {
    return this.db
      .selectFrom('quizzes')
      .selectAll()
      .$if(!user.isAdmin, (query) => query.where('owner', '=', user.id));
  }

  #questionsOf(quizIds: readonly string[]): Promise<QuestionRow[]> {
    return this.db.selectFrom('questions').selectAll().where('quiz_id', 'in', quizIds).orderBy('ordinal').execute();
  }
}

/** What the database says of a row that something new was to rest on, in other words. */
function goneFor({ book_id, chapter_id }: NewQuiz, error: unknown): DomainError | undefined {
  const { constraint } = (error ?? {}) as { constraint?: unknown };
  if (constraint === 'quizzes_book_id_fkey') return new DomainError('book_not_found', `Book ${book_id} has been deleted meanwhile.`);
  if (constraint !== 'quizzes_chapter_id_fkey') return undefined;
  return new DomainError('chapter_not_found', `Chapter ${chapter_id} is no longer in book ${book_id}.`);
}
