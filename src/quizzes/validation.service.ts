import { Injectable, Logger } from '@nestjs/common';
import { AbortContext, nameCause, type AbortReason } from '../abort/index.js';
import type { User } from '../auth/index.js';
import { ContentRepository } from '../content/index.js';
import { Llm } from '../llm/index.js';
import { DomainError } from '../problems/index.js';
import { Tasks, type Issued, type Outcome, type Receipt, type TaskSpec } from '../tasks/index.js';
import { isSameAnswer } from './answer-matching.js';
import { answerGrade, type AnswerGrade } from './exercise.js';
import { gradeAnswerPrompt } from './prompts.js';
import { QuestionResultsRepository } from './question-results.repository.js';
import type { AnswerVerdict, ValidateAnswerBody } from './quiz.dto.js';
import { QuizzesRepository, type QuestionRow, type QuizRow } from './quizzes.repository.js';

interface Known {
  readonly quiz: QuizRow;
  readonly question: QuestionRow;
  readonly verdict: AnswerGrade | undefined;
}

/** Says whether an answer is right, and remembers it for the learner's weakness profile. */
@Injectable()
export class ValidationService {
  readonly #logger = new Logger('ValidationService');

  constructor(
    private readonly tasks: Tasks,
    private readonly context: AbortContext,
    private readonly quizzes: QuizzesRepository,
    private readonly results: QuestionResultsRepository,
    private readonly content: ContentRepository,
    private readonly llm: Llm,
  ) {}

  /**
   * A task of its own, so that an answer sent twice counts once. Compares first: an exact match and every choice are decided without the model. Free text that differs is graded by it. When
   * `signal` aborts, the grading in flight is cut, nothing is recorded, and the abort's reason is thrown. The deadline counts from here on,
   * and not from where the task begins.
   */
  async validate(body: ValidateAnswerBody, user: User, issue: Issued, signal: AbortSignal): Promise<AnswerVerdict> {
    const work = () => this.#findAndValidate(body, user, issue, this.context.signal);
    return await this.context.run(signal, work, { timeoutMs: issue.deadlineMs });
  }

  async #findAndValidate(body: ValidateAnswerBody, user: User, issue: Issued, signal: AbortSignal): Promise<AnswerVerdict> {
    const { quiz, question } = await this.context.stage('validate_answer', () => this.#find(body, user));
    const verdict = compare(question, body.answer);
    return await this.tasks.run(this.#toSpec(body, user, issue, quiz, verdict === undefined), signal, (task) => {
      task.open();
      return this.context.stage('validate_answer', () => this.#validate(body, user, task.id, { quiz, question, verdict }));
    });
  }

  #toSpec(body: ValidateAnswerBody, user: User, issue: Issued, { book_id }: QuizRow, asksModel: boolean): TaskSpec {
    return {
      owner: user.id,
      kind: 'answer_validation',
      scopes: [`book:${book_id}`],
      input: body,
      issue,
      calls: asksModel ? ['validate_answer'] : [],
      onStopped: (reason, receipt) => this.#logStop(body, user, issue.taskId, reason, receipt),
    };
  }

  async #validate({ answer }: ValidateAnswerBody, user: User, taskId: string, known: Known): Promise<Outcome<AnswerVerdict>> {
    const { quiz, question, verdict } = known;
    const { correct, score, explanation } = verdict ?? (await this.#askModel(question, answer));
    const whose = { owner: user.id, question_id: question.id, book_id: quiz.book_id, skill: question.skill };
    const result = { task_id: taskId, correct, score, explanation, correct_answer: question.answer };
    return { result, save: (tx) => this.results.record(tx, { ...whose, answer, is_correct: correct, score }) };
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

  #logStop(
    { quiz_id, question_id }: ValidateAnswerBody,
    user: User,
    taskId: string,
    { abortCause: cause }: AbortReason,
    receipt: Receipt,
  ): void {
    const where = `(quiz=${quiz_id} question=${question_id} user=${user.id})`;
    const msg = `[ValidationService] Answer validation cancelled by ${nameCause(cause)} ${where}`;
    this.#logger.log({ msg, task_id: taskId, quiz_id, question_id, user: user.id, cause, receipt });
  }
}

/** What can be said without the model, `undefined` if it has to be asked. */
function compare({ options, answer: correctAnswer, explanation }: QuestionRow, answer: string): AnswerGrade | undefined {
  if (isSameAnswer(answer, correctAnswer)) return { correct: true, score: 1, explanation };
  return options ? { correct: false, score: 0, explanation } : undefined;
}
