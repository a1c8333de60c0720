import { CancelledError, HangupError, type GenerateInput, type QuizEvent } from '../../client/index.js';
import { counted, sentence } from './format.js';
import { summaryOf } from './receipt.js';
import type { Surroundings } from './view.js';

export const STAGES = ['query_weakness', 'retrieve_content', 'generate_quiz', 'evaluate_content', 'save_quiz'] as const;

type Question = Extract<QuizEvent, { type: 'question' }>['data']['question'];
type End = Extract<QuizEvent, { type: 'task-end' }>['data'];
type Verdict = Awaited<ReturnType<Surroundings['hangup']['quizzes']['validateAnswer']>>;
type CancelAnswer = NonNullable<Awaited<CancelledError['confirmation']>>;

export interface AskedQuestion {
  readonly question: Question;
  /** `written` until the evaluation has said its word. */
  readonly fate: 'written' | 'accepted' | 'rejected';
  readonly reason?: string;
  readonly isChecking?: boolean;
  readonly verdict?: Verdict;
}

/** One quiz in the making, from the request to its end, whichever. */
export class QuizRun {
  readonly #around: Surroundings;
  readonly #input: GenerateInput;
  readonly #stop = new AbortController();
  #stage: string | undefined;
  taskId: string | undefined;
  questions: readonly AskedQuestion[] = [];
  isUnderWay = true;
  isStopped = false;
  /** Of a quiz that was stopped from here: what the server says to that. */
  answer: CancelAnswer | undefined;
  usage: End['usage'] | undefined;
  quizId: string | undefined;
  problem: string | undefined;

  constructor(around: Surroundings, input: GenerateInput) {
    this.#around = around;
    this.#input = input;
  }

  /** The client sends the cancel before anything else, and the loop ends at once. */
  stop(): void {
    if (this.isUnderWay) this.#stop.abort();
  }

  stateOf(stage: string): 'done' | 'now' | 'cut' | 'ahead' {
    const [at, of] = [STAGES.indexOf(this.#stage as never), STAGES.indexOf(stage as never)];
    if (this.quizId !== undefined || of < at) return 'done';
    if (of > at) return 'ahead';
    return this.isUnderWay ? 'now' : 'cut';
  }

  async start(): Promise<void> {
    try {
      for await (const event of this.#around.hangup.quizzes.stream(this.#input, { signal: this.#stop.signal })) this.#hear(event);
    } catch (error) {
      await this.#fail(error);
    } finally {
      this.isUnderWay = false;
      this.#around.redraw();
    }
  }

  async check(questionId: string, answer: string, signal: AbortSignal): Promise<void> {
    if (this.quizId === undefined) return;
    this.#change(questionId, { isChecking: true });
    try {
      const input = { quiz_id: this.quizId, question_id: questionId, answer };
      this.#change(questionId, { verdict: await this.#around.hangup.quizzes.validateAnswer(input, { signal }) });
    } catch (error) {
      if (!signal.aborted) this.#around.fail(error);
    } finally {
      this.#change(questionId, { isChecking: false });
    }
  }

  #hear(event: QuizEvent): void {
    if (event.type === 'task-start') this.taskId = event.data.task_id;
    if (event.type === 'stage-start') this.#stage = event.data.stage;
    if (event.type === 'question') this.questions = [...this.questions, { question: event.data.question, fate: 'written' }];
    if (event.type === 'evaluation') this.#judge(event.data);
    if (event.type === 'task-end') this.#end(event.data);
    this.#around.redraw();
  }

  #judge({ accepted, rejected }: Extract<QuizEvent, { type: 'evaluation' }>['data']): void {
    for (const id of accepted) this.#change(id, { fate: 'accepted' });
    for (const { id, reason } of rejected) this.#change(id, { fate: 'rejected', reason });
  }

  #end({ state, result, problem, usage, receipt }: End): void {
    this.usage = usage;
    if (state === 'failed') this.problem = problem?.detail ?? 'It failed.';
    if (state === 'cancelled') this.#endCancelled(receipt);
    if (!result) return;
    this.quizId = result.quiz.id;
    this.questions = result.quiz.questions.map((question) => ({ question, fate: 'accepted' }));
    this.#around.announce(`The quiz is done: ${counted(this.questions.length, 'question')}.`);
  }

  /** By somebody else, or by a clock. */
  #endCancelled(receipt: End['receipt']): void {
    this.problem = `It was stopped elsewhere${receipt ? `: ${summaryOf(receipt)}` : ''}.`;
    this.#around.announce(this.problem);
  }

  async #fail(error: unknown): Promise<void> {
    if (!(error instanceof CancelledError)) {
      if (error instanceof HangupError && error.status !== 401) this.problem = error.message;
      else this.#around.fail(error);
      return;
    }
    this.isUnderWay = false;
    this.isStopped = true;
    this.taskId ??= error.taskId;
    this.#around.announce('Stopped. The receipt is on its way.');
    this.answer = await error.confirmation;
    if (this.answer?.receipt) this.#around.announce(`${sentence(summaryOf(this.answer.receipt))}.`);
  }

  #change(id: string, change: Partial<AskedQuestion>): void {
    this.questions = this.questions.map((asked) => (asked.question.id === id ? { ...asked, ...change } : asked));
    this.#around.redraw();
  }
}
