import type { QuizView } from './quiz.dto.js';
import type { NewQuestion, QuestionRow, QuizRow } from './quizzes.repository.js';

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
