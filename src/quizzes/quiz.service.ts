import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { AbortContext, nameCause, type AbortReason } from '../abort/index.js';
import type { User } from '../auth/index.js';
import { ContentRepository, type ChapterContext } from '../content/index.js';
import { Llm } from '../llm/index.js';
import { decodeCursor, DomainError, encodeCursor } from '../problems/index.js';
import type { EventStream } from '../sse/index.js';
import {
  Tasks,
  TaskStreams,
  type EventPosition,
  type Issued,
  type Outcome,
  type Receipt,
  type TaskHandle,
  type TaskSpec,
} from '../tasks/index.js';
import type { Candidate } from './exercise.js';
import type { GeneratedQuiz, GenerateQuizBody, ListQuizzesQuery, QuizView } from './quiz.dto.js';
import { QuizGraph } from './quiz.graph.js';
import type { QuizState } from './quiz-state.js';
import { toQuizView } from './quiz-view.js';
import { QuizzesRepository, type NewQuestion, type NewQuiz } from './quizzes.repository.js';

/** The stages of the straight path that call a model. */
const CALLS = ['retrieve_content', 'generate_quiz', 'evaluate_content'];

/** Makes quizzes and finds them again. */
@Injectable()
export class QuizService {
  readonly #logger = new Logger('QuizService');

  constructor(
    private readonly tasks: Tasks,
    private readonly streams: TaskStreams,
    private readonly context: AbortContext,
    private readonly graph: QuizGraph,
    private readonly content: ContentRepository,
    private readonly quizzes: QuizzesRepository,
    private readonly llm: Llm,
  ) {}

  /**
   * Generates, evaluates and stores one quiz, as a task. When `signal` aborts, or the task is cancelled, no further query and no
   * further LLM call begins, those in flight are cut, and the abort's reason is thrown once they have stopped; tokens already spent are
   * booked under the task. Once the quiz is stored it stays, also if the answer can no longer be delivered.
   */
  async generate(body: GenerateQuizBody, user: User, issue: Issued, signal: AbortSignal): Promise<GeneratedQuiz> {
    return await this.tasks.run(this.#toSpec(body, user, issue), signal, (task) => this.#generate(body, user, task));
  }

  /**
   * The same as a stream: the stages, each question as soon as the model has written it, what the evaluation made of it, and at last the
   * quiz. Throws to whoever pulls first what would be thrown before there is anything to tell.
   */
  stream(body: GenerateQuizBody, user: User, issue: Issued, signal: AbortSignal, after?: EventPosition): EventStream {
    return this.streams.run(this.#toSpec(body, user, issue), signal, (task) => this.#generate(body, user, task), { after });
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

  #toSpec(body: GenerateQuizBody, user: User, issue: Issued): TaskSpec {
    const scopes = [`book:${body.book_id}`];
    const onStopped = (reason: AbortReason, receipt: Receipt): void => this.#logStop(body, user, issue.taskId, reason, receipt);
    return { owner: user.id, kind: 'quiz_generation', scopes, input: body, issue, calls: CALLS, onStopped };
  }

  async #generate(body: GenerateQuizBody, user: User, task: TaskHandle): Promise<Outcome<GeneratedQuiz>> {
    const msg = `[QuizService] Quiz generation started (chapter=${body.chapter_id} user=${user.id})`;
    this.#logger.log({ msg, task_id: task.id });
    const chapter = await this.#findChapter(body, user);
    task.open();
    const state = await this.graph.run(toRequest(body, user, chapter), (type, data) => task.tell(type, data));
    return await this.#toOutcome(body, user, task.id, state);
  }

  #logStop(body: GenerateQuizBody, user: User, taskId: string, { abortCause: cause }: AbortReason, receipt: Receipt): void {
    const msg = `[QuizService] Quiz generation cancelled by ${nameCause(cause)} (chapter=${body.chapter_id} user=${user.id})`;
    this.#logger.log({ msg, task_id: taskId, chapter_id: body.chapter_id, user: user.id, cause, receipt });
  }

  async #findChapter({ book_id, chapter_id }: GenerateQuizBody, user: User): Promise<ChapterContext> {
    const chapter = await this.context.stage('find_chapter', () => this.content.findChapter(book_id, chapter_id, user));
    if (chapter) return chapter;
    if (await this.content.hasBook(book_id, user))
      throw new DomainError('chapter_not_found', `Book ${book_id} has no chapter ${chapter_id}.`);
    throw new DomainError('book_not_found', `There is no book ${book_id}.`);
  }

  async #toOutcome(body: GenerateQuizBody, user: User, taskId: string, state: QuizState): Promise<Outcome<GeneratedQuiz>> {
    if (state.accepted.length === 0) throw refused(state);
    const row = toQuizRow(body, user, taskId, state);
    const questions = state.accepted.map((question, ordinal) => toQuestionRow(question, row.id, ordinal));
    const stored = { ...row, created_at: new Date(row.created_at ?? Date.now()), evaluation: JSON.parse(row.evaluation) as object };
    const usage = await this.context.shield(() => this.llm.usageOf({ owner: user.id, id: taskId }));
    const result = { task_id: taskId, quiz: toQuizView(stored, questions), usage };
    return { result, stage: 'save_quiz', save: (tx) => this.quizzes.save(tx, row, questions) };
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

function toQuestionRow(question: Candidate, quizId: string, ordinal: number): NewQuestion {
  return { ...question, quiz_id: quizId, ordinal, options: question.options && JSON.stringify(question.options) };
}

/** Nothing usable after the last attempt: the evaluator refused all, or the model never kept to the schema. */
function refused({ rejected, feedback }: QuizState): DomainError {
  const why = feedback.join(' ');
  return rejected > 0
    ? new DomainError('quiz_rejected', `The evaluator accepted none of the questions. ${why}`)
    : new DomainError('invalid_model_output', why || 'The language model wrote no usable question.');
}
