import type { z } from 'zod';
import type {
  AnswerVerdict,
  GeneratedQuiz,
  generateQuizBody,
  quizEvent,
  quizPage,
  QuizView,
  validateAnswerBody,
} from '../quizzes/quiz.dto.js';
import type { Asking, CallOptions } from './asking.js';
import type { StreamEvent } from './events.js';
import { pageQuery, type PageOptions } from './page.js';
import type { TaskOptions } from './task-issue.js';
import type { TaskStream } from './task-stream.js';

export type GenerateInput = z.input<typeof generateQuizBody>;
export type ValidateInput = z.input<typeof validateAnswerBody>;
export type QuizPage = z.output<typeof quizPage>;
export type QuizEvent = StreamEvent<z.output<typeof quizEvent>, GeneratedQuiz>;

/** Quizzes: made, watched coming into being, answered and read again. */
export class Quizzes {
  constructor(private readonly asking: Asking) {}

  /** The quiz, once it is made. An abort of the signal rejects at once and stops the work. */
  generate(input: GenerateInput, options?: TaskOptions): Promise<GeneratedQuiz> {
    return this.asking.task({ ...GENERATE, body: input, field: 'quiz' }, options);
  }

  /** The quiz as it comes into being; the last event is `task-end`, and says how it ended. Leaving the loop stops the work. */
  stream(input: GenerateInput, options?: TaskOptions): TaskStream<QuizEvent> {
    return this.asking.stream({ ...GENERATE, body: input }, options);
  }

  /** Is the answer to a question right? One that was aborted counts as not given. */
  validateAnswer(input: ValidateInput, options?: TaskOptions): Promise<AnswerVerdict> {
    const path = '/api/quizzes/validate-answer';
    return this.asking.task({ method: 'POST', path, body: input, field: 'correct', isRenewable: true }, options);
  }

  /** Your quizzes, newest first, in pages. */
  list(options: PageOptions & CallOptions = {}): Promise<QuizPage> {
    return this.asking.json({ path: `/api/quizzes${pageQuery(options)}`, field: 'quizzes' }, options);
  }

  get(quizId: string, options?: CallOptions): Promise<QuizView> {
    return this.asking.json({ path: `/api/quizzes/${encodeURIComponent(quizId)}`, field: 'questions' }, options);
  }
}

const GENERATE = { method: 'POST', path: '/api/quizzes/generate', isRenewable: true };
