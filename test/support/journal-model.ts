import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { AbortContext } from '../../src/abort/index.js';
import {
  countTokens,
  humanPace,
  ModelServer,
  OfflineModel,
  type CallOutcome,
  type ChatRequest,
  type ModelCall,
  type Pace,
} from '../../src/llm/offline/index.js';
import { acceptAll, quizOn } from './journal-answers.js';
import { materialOf } from './quiz-model.js';

const TASK = 'x-test-task';
const STAGE = 'x-test-stage';

/** One call as the model server has it: what it had received, and what it had sent when the call was over. */
export interface JournalEntry {
  readonly task: string;
  readonly stage: string;
  readonly kind: ModelCall['kind'];
  readonly outcome: CallOutcome | undefined;
  readonly promptTokens: number;
  readonly completionTokens: number;
}

/** A model that answers at a pace, with next to no work of its own, and keeps a journal of what it has received and sent. */
export class JournalModel {
  readonly #calls: ModelCall[] = [];
  readonly #vector = new OfflineModel().embed(['any text'])[0] ?? [];
  readonly #server: ModelServer;

  private constructor(pace: Pace) {
    const hooks = humanPace(pace);
    this.#server = new ModelServer({
      answer,
      embed: (input) => input.map(() => this.#vector),
      hooks: {
        ...hooks,
        onEnd: (call) => void this.#calls.push(call),
      },
    });
  }

  static async start(pace: Pace): Promise<JournalModel> {
    const model = new JournalModel(pace);
    await model.#server.start();
    return model;
  }

  get baseUrl(): string {
    return this.#server.baseUrl;
  }

  /** Every call that has ended, in the order of arrival, with its tokens counted here and now. */
  journal(): JournalEntry[] {
    const known = new Map<string, number>();
    const count = (text: string): number => {
      const tokens = known.get(text) ?? countTokens(text);
      known.set(text, tokens);
      return tokens;
    };
    return this.#calls
      .toSorted((a, b) => a.id - b.id)
      .map((call) => ({
        task: String(call.headers[TASK]),
        stage: decodeURIComponent(String(call.headers[STAGE])),
        kind: call.kind,
        outcome: call.outcome,
        promptTokens: call.promptTokens,
        completionTokens: count(call.textSent),
      }));
  }

  async stop(): Promise<void> {
    await this.#server.stop();
  }
}

interface Outgoing {
  addHeader(name: string, value: string): void;
}

/** Says on each call to a model for which task and stage it is made. Returns what ends that. */
export function labelCalls(context: AbortContext): () => void {
  const label = (message: unknown): void => {
    const { request } = message as { request: Outgoing };
    const { frame } = context;
    if (!frame) return;
    request.addHeader(TASK, frame.scope.id);
    request.addHeader(STAGE, encodeURIComponent(frame.stage ?? frame.scope.lastStage ?? 'none'));
  };
  subscribe('undici:request:create', label);
  return () => unsubscribe('undici:request:create', label);
}

/** Answers of the length that they have in earnest. */
function answer(request: ChatRequest): string {
  if (request.response_format === undefined || request.response_format === null) return REPLY;
  const material = materialOf(request);
  if (material.task === 'write_quiz') return quizOn(material);
  if (material.task === 'evaluate_quiz') return acceptAll(material);
  if (material.task === 'grade_answer') return GRADE;
  return material.task === 'analyse_resource' ? ADVICE : SUMMARY;
}

const WORDS = 'The particle 了 says that something has changed, and not when it was; compare the two sentences of the lesson. ';
const REPLY = WORDS.repeat(2);
const GRADE = JSON.stringify({ correct: false, score: 0.5, explanation: WORDS });
const ADVICE = JSON.stringify({ action: 'keep', reason: WORDS, confidence: 0.5, estimated_saving: 10 });
const SUMMARY = JSON.stringify({ summary: WORDS, highlights: [WORDS] });
