import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { AbortContext, describeCause, toAbortReason, type AbortScope } from '../abort/index.js';
import type { User } from '../auth/index.js';
import { Llm } from '../llm/index.js';
import { DomainError } from '../problems/index.js';
import { ContentRepository, type ChapterContext } from './content.repository.js';
import type { DraftQuestion } from './exercise.js';
import type { GeneratedQuiz, GenerateQuizBody, ListQuizzesQuery, QuizView } from './quiz.dto.js';
import { QuizGraph } from './quiz.graph.js';
import type { QuizState } from './quiz-state.js';
import { decodeCursor, encodeCursor, toQuizView } from './quiz-view.js';
import { QuizzesRepository, type NewQuestion, type NewQuiz } from './quizzes.repository.js';

/** Makes quizzes and finds them again. */
@Injectable()
export class QuizService {
  readonly #logger = new Logger('QuizService');

  constructor(
    private readonly context: AbortContext,
    private readonly graph: QuizGraph,
    private readonly content: ContentRepository,
    private readonly quizzes: QuizzesRepository,
    private readonly llm: Llm,
  ) {}

  /**
   * Generates, evaluates and stores one quiz. When `signal` aborts, no further query and no further LLM call begins, those in flight
   * are cut, and the abort's reason is thrown once they have stopped; tokens already spent are booked under `taskId`. Once the quiz is
   * stored it stays, also if the answer can no longer be delivered.
   */
  async generate(body: GenerateQuizBody, user: User, taskId: string, signal: AbortSignal): Promise<GeneratedQuiz> {
    const labels = { owner: user.id, kind: 'quiz_generation' };
    return await this.context.run(signal, (scope) => this.#generate(body, user, scope), { id: taskId, labels });
  }

  /** A quiz of this user. Throws `quiz_not_found` for an unknown id and for somebody else's alike. */
  async get(id: string, user: User): Promise<QuizView> {
    const found = await this.quizzes.find(id, user);
    if (!found) throw new DomainError('quiz_not_found', `There is no quiz ${id}.`);
    return toQuizView(found.quiz, found.questions);
  }

  /** This user's quizzes, newest first. `next_cursor` is absent on the last page. */
  async list(user: User, { limit, cursor }: ListQuizzesQuery): Promise<{ quizzes: QuizView[]; next_cursor?: string }> {
    const page = await this.quizzes.list(user, limit + 1, cursor === undefined ? undefined : decodeCursor(cursor));
    const shown = page.slice(0, limit).map(({ quiz, questions }) => toQuizView(quiz, questions));
    const last = shown.at(-1);
    return { quizzes: shown, ...(page.length > limit && last && { next_cursor: encodeCursor(last) }) };
  }

  async #generate(body: GenerateQuizBody, user: User, scope: AbortScope): Promise<GeneratedQuiz> {
    const msg = `[QuizService] Quiz generation started (chapter=${body.chapter_id} user=${user.id})`;
    this.#logger.log({ msg, task_id: scope.id });
    try {
      const chapter = await this.#findChapter(body);
      const state = await this.graph.run(toRequest(body, user, chapter));
      const quiz = await this.context.stage('save_quiz', () => this.#save(body, user, scope.id, state));
      const usage = await this.context.shield(() => this.llm.usageOf(scope.id));
      return { task_id: scope.id, quiz, usage };
    } catch (error) {
      await this.#onAbort(error, scope, body, user);
      throw error;
    }
  }

  async #onAbort(error: unknown, scope: AbortScope, body: GenerateQuizBody, user: User): Promise<void> {
    if (!scope.signal.aborted || error !== scope.signal.reason) return;
    await scope.settled();
    const { abortCause } = toAbortReason(error);
    const how = abortCause === 'client_disconnect' ? 'client disconnect' : describeCause(abortCause).toLowerCase();
    const msg = `[QuizService] Quiz generation cancelled by ${how} (chapter=${body.chapter_id} user=${user.id})`;
    this.#logger.log({ msg, task_id: scope.id, chapter_id: body.chapter_id, user: user.id, cause: abortCause, receipt: scope.report() });
  }

  async #findChapter({ book_id, chapter_id }: GenerateQuizBody): Promise<ChapterContext> {
    const chapter = await this.context.stage('find_chapter', () => this.content.findChapter(book_id, chapter_id));
    if (chapter) return chapter;
    if (await this.content.hasBook(book_id)) throw new DomainError('chapter_not_found', `Book ${book_id} has no chapter ${chapter_id}.`);
    throw new DomainError('book_not_found', `There is no book ${book_id}.`);
  }

  async #save(body: GenerateQuizBody, user: User, taskId: string, state: QuizState): Promise<QuizView> {
    if (state.accepted.length === 0) throw refused(state);
    const quiz = toQuizRow(body, user, taskId, state);
    const questions = state.accepted.map((question, ordinal) => toQuestionRow(question, quiz.id, ordinal));
    await this.quizzes.save(quiz, questions);
    return toQuizView(
      { ...quiz, created_at: new Date(quiz.created_at ?? Date.now()), evaluation: JSON.parse(quiz.evaluation) as object },
      questions,
    );
  }
}

function toRequest(body: GenerateQuizBody, user: User, chapter: ChapterContext) {
  const { book_id: bookId, chapter_id: chapterId, exercise_type: exerciseType, question_count: questionCount } = body;
  return { owner: user.id, bookId, chapterId, chapter, exerciseType, questionCount };
}

function toQuizRow({ book_id, chapter_id, exercise_type }: GenerateQuizBody, user: User, taskId: string, state: QuizState): NewQuiz {
  const { attempts, rejected, feedback: reasons } = state;
  const evaluation = JSON.stringify({ attempts, rejected, reasons });
  return { id: randomUUID(), task_id: taskId, owner: user.id, book_id, chapter_id, exercise_type, evaluation, created_at: new Date() };
}

function toQuestionRow(question: DraftQuestion, quizId: string, ordinal: number): NewQuestion {
  return { ...question, id: randomUUID(), quiz_id: quizId, ordinal, options: question.options && JSON.stringify(question.options) };
}

/** Nothing usable after the last attempt: the evaluator refused all, or the model never kept to the schema. */
function refused({ rejected, feedback }: QuizState): DomainError {
  const why = feedback.join(' ');
  return rejected > 0
    ? new DomainError('quiz_rejected', `The evaluator accepted none of the questions. ${why}`)
    : new DomainError('invalid_model_output', why || 'The language model wrote no usable question.');
}
