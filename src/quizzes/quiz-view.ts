import { z } from 'zod';
import { DomainError } from '../problems/index.js';
import type { QuizView } from './quiz.dto.js';
import type { NewQuestion, QuestionRow, QuizCursor, QuizRow } from './quizzes.repository.js';

/** A quiz as it goes out: no answers, no explanations. */
export function toQuizView(quiz: QuizRow, questions: readonly (QuestionRow | NewQuestion)[]): QuizView {
  return {
    id: quiz.id,
    task_id: quiz.task_id,
    book_id: quiz.book_id,
    chapter_id: quiz.chapter_id,
    exercise_type: quiz.exercise_type as QuizView['exercise_type'],
    created_at: quiz.created_at.toISOString(),
    evaluation: quiz.evaluation as unknown as QuizView['evaluation'],
    questions: questions.map(toQuestionView),
  };
}

function toQuestionView({ id, type, skill, prompt, options }: QuestionRow | NewQuestion): QuizView['questions'][number] {
  const shown = typeof options === 'string' ? (JSON.parse(options) as string[]) : (options ?? null);
  return { id, type: type as QuizView['questions'][number]['type'], skill, prompt, options: shown };
}

export function encodeCursor({ created_at, id }: Pick<QuizView, 'created_at' | 'id'>): string {
  return Buffer.from(`${created_at} ${id}`).toString('base64url');
}

/** As `encodeCursor` writes it. The year 0 is a date to everybody but PostgreSQL. */
const position = z.tuple([z.iso.datetime({ precision: 3 }).regex(/^(?!0000)/), z.uuid()]);

export function decodeCursor(cursor: string): QuizCursor {
  const decoded = position.safeParse(Buffer.from(cursor, 'base64url').toString().split(' '));
  if (decoded.success) return { createdAt: decoded.data[0], id: decoded.data[1] };
  throw new DomainError('validation_failed', '/query/cursor: is not a cursor of this list', {
    errors: [{ pointer: '/query/cursor', detail: 'is not a cursor of this list' }],
  });
}
