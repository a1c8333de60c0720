import { Injectable, Logger } from '@nestjs/common';
import { AbortContext, describeCause, toAbortReason, type AbortScope } from '../abort/index.js';
import type { User } from '../auth/index.js';
import { Llm } from '../llm/index.js';
import { DomainError } from '../problems/index.js';
import { isSameAnswer } from './answer-matching.js';
import { ContentRepository } from './content.repository.js';
import { answerGrade, type AnswerGrade } from './exercise.js';
import { gradeAnswerPrompt } from './prompts.js';
import { QuestionResultsRepository } from './question-results.repository.js';
import type { AnswerVerdict, ValidateAnswerBody } from './quiz.dto.js';
import { QuizzesRepository, type QuestionRow, type QuizRow } from './quizzes.repository.js';

/** Says whether an answer is right, and remembers it for the learner's weakness profile. */
@Injectable()
export class ValidationService {
  readonly #logger = new Logger('ValidationService');

  constructor(
    private readonly context: AbortContext,
    private readonly quizzes: QuizzesRepository,
    private readonly results: QuestionResultsRepository,
    private readonly content: ContentRepository,
    private readonly llm: Llm,
  ) {}

  /**
   * Compares first: an exact match and every choice are decided without the model. Free text that differs is graded by it. When
   * `signal` aborts, the grading in flight is cut, nothing is recorded, and the abort's reason is thrown.
   */
  async validate(body: ValidateAnswerBody, user: User, taskId: string, signal: AbortSignal): Promise<AnswerVerdict> {
    const labels = { owner: user.id, kind: 'answer_validation' };
    const options = { id: taskId, labels };
    return await this.context.run(
      signal,
      (scope) => this.context.stage('validate_answer', () => this.#validate(body, user, scope)),
      options,
    );
  }

  async #validate(body: ValidateAnswerBody, user: User, scope: AbortScope): Promise<AnswerVerdict> {
    try {
      const { quiz, question } = await this.#find(body, user);
      const grade = compare(question, body.answer) ?? (await this.#askModel(question, body.answer));
      await this.#record(quiz, question, body.answer, user, grade);
      return { task_id: scope.id, ...grade, correct_answer: question.answer };
    } catch (error) {
      this.#onAbort(error, scope, body, user);
      throw error;
    }
  }

  async #find({ quiz_id, question_id }: ValidateAnswerBody, user: User): Promise<{ quiz: QuizRow; question: QuestionRow }> {
    const found = await this.quizzes.find(quiz_id, user);
    if (!found) throw new DomainError('quiz_not_found', `There is no quiz ${quiz_id}.`);
    const question = found.questions.find(({ id }) => id === question_id);
    if (!question) throw new DomainError('question_not_found', `Quiz ${quiz_id} has no question ${question_id}.`);
    return { quiz: found.quiz, question };
  }

  async #askModel(question: QuestionRow, answer: string): Promise<AnswerGrade> {
    const passage = await this.content.findPassage(question.passage_id);
    const { type, prompt, answer: correctAnswer } = question;
    const messages = gradeAnswerPrompt({ question: { type, prompt }, passage, correctAnswer, answer });
    return await this.llm.structured({ messages, name: 'answer_grade', schema: answerGrade });
  }

  async #record(quiz: QuizRow, { id, skill }: QuestionRow, answer: string, user: User, { correct, score }: AnswerGrade): Promise<void> {
    await this.results.record({ owner: user.id, question_id: id, book_id: quiz.book_id, skill, answer, is_correct: correct, score });
  }

  #onAbort(error: unknown, scope: AbortScope, { quiz_id, question_id }: ValidateAnswerBody, user: User): void {
    if (!scope.signal.aborted || error !== scope.signal.reason) return;
    const { abortCause } = toAbortReason(error);
    const how = abortCause === 'client_disconnect' ? 'client disconnect' : describeCause(abortCause).toLowerCase();
    const msg = `[ValidationService] Answer validation cancelled by ${how} (quiz=${quiz_id} question=${question_id} user=${user.id})`;
    this.#logger.log({ msg, task_id: scope.id, quiz_id, question_id, user: user.id, cause: abortCause, receipt: scope.report() });
  }
}

/** What can be said without the model, `undefined` if it has to be asked. */
function compare({ options, answer: correctAnswer, explanation }: QuestionRow, answer: string): AnswerGrade | undefined {
  if (isSameAnswer(answer, correctAnswer)) return { correct: true, score: 1, explanation };
  return options ? { correct: false, score: 0, explanation } : undefined;
}
