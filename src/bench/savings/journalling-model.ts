import { setTimeout as delay } from 'node:timers/promises';
import { chunkText, countTokens, ModelServer, OfflineModel, type ChatRequest, type ModelCall } from '../../llm/offline/index.js';
import { QUIZ_HEADER, TASK_HEADER } from './labels.js';
import type { HangUp, Moment, PlannedQuiz } from './plan.js';

/** One call as the model server saw it. */
export interface JournalEntry {
  readonly quiz: number;
  readonly task: string;
  readonly kind: ModelCall['kind'];
  readonly outcome: ModelCall['outcome'];
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/**
 * A hosted model writes some six tokens in this time. So long the answer stands still before the client hangs up, because the app has
 * read what a hosted model has written, and again after it, because the model would not be done by then either.
 */
const STAND_STILL_MS = 100;

const PURPOSE: Partial<Record<Moment, string>> = { 'while generating': 'quiz', 'while evaluating': 'quiz_evaluation' };

/** The model behind the app, answering at once. It keeps a journal, and has clients hang up at the moments that were planned for them. */
export class JournallingModel implements AsyncDisposable {
  readonly journal: JournalEntry[] = [];
  readonly #plan: readonly PlannedQuiz[];
  readonly #hangUp: (quiz: number) => void;
  readonly #model = new OfflineModel();
  readonly #lengths = new WeakMap<ChatRequest, number>();
  readonly #counts = new Map<string, number>();
  readonly #server = new ModelServer({
    answer: (request) => this.#answer(request),
    embed: (input) => this.#model.embed(input),
    hooks: {
      beforeChunk: (call, index, signal) => this.#beforeChunk(call, index, signal),
      onEnd: (call) => this.#onEnd(call),
    },
  });

  constructor(plan: readonly PlannedQuiz[], hangUp: (quiz: number) => void) {
    this.#plan = plan;
    this.#hangUp = hangUp;
  }

  /** Resolves with what an OpenAI client takes as its `baseURL`. */
  async start(): Promise<string> {
    await this.#server.start();
    return this.#server.baseUrl;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.stop();
  }

  #answer(request: ChatRequest): string {
    const text = this.#model.answer(request);
    this.#lengths.set(request, chunkText(text).length);
    return text;
  }

  async #beforeChunk(call: ModelCall, index: number, signal: AbortSignal): Promise<undefined> {
    const hangUp = this.#planOf(call);
    if (!hangUp || call.kind !== 'chat' || PURPOSE[hangUp.moment] !== call.purpose) return;
    if (index !== Math.floor(hangUp.share * (this.#lengths.get(call.request) ?? 0))) return;
    await delay(STAND_STILL_MS);
    this.#hangUp(quizOf(call));
    await delay(STAND_STILL_MS, undefined, { signal }).catch(() => undefined);
  }

  #onEnd(call: ModelCall): void {
    const quiz = quizOf(call);
    if (Number.isNaN(quiz)) return;
    const { kind, outcome, promptTokens, textSent } = call;
    this.journal.push({
      quiz,
      task: String(call.headers[TASK_HEADER]),
      kind,
      outcome,
      promptTokens,
      completionTokens: this.#count(textSent),
    });
    if (call.purpose === 'quiz' && this.#planOf(call)?.moment === 'before evaluation') this.#hangUp(quiz);
  }

  /** The rules answer alike what is asked alike, and counting takes longer than answering. */
  #count(text: string): number {
    const known = this.#counts.get(text) ?? countTokens(text);
    this.#counts.set(text, known);
    return known;
  }

  #planOf(call: ModelCall): HangUp | undefined {
    return this.#plan[quizOf(call)]?.hangUp;
  }
}

/** `NaN` for calls that no quiz made: the embedding of the book. */
function quizOf(call: ModelCall): number {
  return Number(call.headers[QUIZ_HEADER]);
}
