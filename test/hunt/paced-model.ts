import { setTimeout as delay } from 'node:timers/promises';
import { ModelServer, OfflineModel, type ChatRequest, type ModelCall, type ModelServerHooks } from '../../src/llm/offline/index.js';
import { Gate } from '../../src/testing/index.js';
import { lessonOf } from '../support/lessons.js';
import { materialOf } from '../support/quiz-model.js';
import { PURPOSES, type Pace, type Purpose } from './plan.js';

/** One call as it arrived at the model, on the clock that the database has too. */
export interface SeenCall {
  readonly purpose: Purpose;
  readonly arrivedAt: number;
  readonly call: ModelCall;
  endedAt?: number;
}

/** What the model does towards one lesson, and what it has seen of it. */
export class Scene {
  readonly calls: SeenCall[] = [];
  readonly gate = new Gate();
  readonly #arrivals = new Map(PURPOSES.map((purpose) => [purpose, Promise.withResolvers<undefined>()]));

  constructor(readonly pace: Pace) {}

  /** Resolves once the call has come. */
  async arrival(purpose: Purpose): Promise<void> {
    await this.#arrivals.get(purpose)?.promise;
  }

  see(call: ModelCall): Purpose {
    const purpose = call.purpose as Purpose;
    this.calls.push({ purpose, arrivedAt: Date.now(), call });
    this.#arrivals.get(purpose)?.resolve(undefined);
    return purpose;
  }

  end(call: ModelCall): void {
    const seen = this.calls.find((each) => each.call === call);
    if (seen) seen.endedAt = Date.now();
  }
}

const REFUSAL = { status: 400, body: { error: { message: 'The run has it so.', type: 'invalid_request_error', param: null, code: null } } };

/** A model that answers every lesson at the pace that its run has set, with next to no work of its own. */
export class PacedModel {
  readonly #scenes = new Map<number, Scene>();
  readonly #vector = new OfflineModel().embed(['any text'])[0] ?? [];
  readonly #hooks: ModelServerHooks = {
    onCall: (call) => this.#onCall(call),
    beforeChunk: (call, index) => this.#beforeChunk(call, index),
    onEnd: (call) => this.#sceneOf(call)?.end(call),
  };
  readonly #server = new ModelServer({ answer, embed: (input) => input.map(() => this.#vector), hooks: this.#hooks });

  private constructor() {
    // Made by `start()` alone, so that every instance listens.
  }

  static async start(): Promise<PacedModel> {
    const model = new PacedModel();
    await model.#server.start();
    return model;
  }

  get baseUrl(): string {
    return this.#server.baseUrl;
  }

  play(lesson: number, pace: Pace): Scene {
    const scene = new Scene(pace);
    this.#scenes.set(lesson, scene);
    return scene;
  }

  forget(lesson: number): void {
    this.#scenes.delete(lesson);
  }

  async stop(): Promise<void> {
    for (const { gate } of this.#scenes.values()) gate.open();
    await this.#server.stop();
  }

  async #onCall(call: ModelCall): Promise<typeof REFUSAL | undefined> {
    const scene = this.#sceneOf(call);
    if (!scene) return undefined;
    const purpose = scene.see(call);
    const { delays, heldAt, failsAt } = scene.pace;
    await delay(delays[PURPOSES.indexOf(purpose)]);
    if (heldAt?.purpose === purpose && (heldAt.chunks === 0 || call.kind === 'embeddings')) await scene.gate.wait();
    return failsAt === purpose ? REFUSAL : undefined;
  }

  async #beforeChunk(call: ModelCall, index: number): Promise<undefined> {
    const scene = this.#sceneOf(call);
    const heldAt = scene?.pace.heldAt;
    if (heldAt?.purpose === call.purpose && heldAt.chunks === index) await scene?.gate.wait();
  }

  #sceneOf(call: ModelCall): Scene | undefined {
    const lesson = lessonOf(call);
    return lesson === undefined ? undefined : this.#scenes.get(lesson);
  }
}

/** The shortest quiz there is, and its acceptance. */
function answer(request: ChatRequest): string {
  const { task, passages } = materialOf(request);
  return task === 'write_quiz' ? JSON.stringify({ questions: [questionOn(passages[0]?.id)] }) : ACCEPTED;
}

function questionOn(passage_id: number | undefined): object {
  return { type: 'grammar', skill: 'x', prompt: 'q', options: null, answer: 'a', explanation: '', passage_id };
}

const ACCEPTED = JSON.stringify({ verdicts: [{ index: 0, level_ok: true, correct: true, grounded: true, reason: '' }] });
