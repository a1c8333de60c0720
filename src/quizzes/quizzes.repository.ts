import { Injectable } from '@nestjs/common';
import type { User } from '../auth/index.js';
import { Database, type Schema, type Tx } from '../database/index.js';
import type { Cursor } from '../problems/index.js';
import { sql, type Insertable, type Selectable } from 'kysely';

export type QuizRow = Selectable<Schema['quizzes']>;
export type QuestionRow = Selectable<Schema['questions']>;
export type NewQuiz = Insertable<Schema['quizzes']>;
export type NewQuestion = Insertable<Schema['questions']>;

/** Quizzes and their questions. Whoever does not own a quiz does not find it. */
@Injectable()
export class QuizzesRepository {
  constructor(private readonly db: Database) {}

  /** Writes a quiz with all its questions in the caller's transaction. */
  async save(tx: Tx, quiz: NewQuiz, questions: readonly NewQuestion[]): Promise<void> {
    await tx.insertInto('quizzes').values(quiz).execute();
    await tx.insertInto('questions').values(questions).execute();
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
