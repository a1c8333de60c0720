import { randomUUID } from 'node:crypto';
import { Gate, type Call, type CallMatch, type SocketClient, type ScriptedModelServer } from '../../src/testing/index.js';
import type { ModelCall } from '../../src/llm/offline/index.js';
import { lessonOf, quizOf } from './lessons.js';

/** So many chunks the model has sent when it stands still: an answer that has begun, and a prompt that is paid. */
const CHUNKS = 3;

/** A quiz in the making whose model stands still in the middle of an answer. */
export interface HeldQuiz {
  readonly id: string;
  readonly lesson: number;
  readonly body: object;
  /** The request of whoever waits for the quiz. */
  readonly call: Call;
  /** The call that stands still. */
  readonly upstream: ModelCall;
  /** Lets the model go on. */
  readonly gate: Gate;
}

/** Makes quizzes that are held at the model, each of a lesson of its own. */
export class HeldQuizzes {
  #lessons = 0;

  constructor(private readonly model: ScriptedModelServer) {}

  /** Starts a quiz through `client`; resolves when its call for `purpose` stands still. */
  async start(client: SocketClient, { purpose = 'quiz', headers = {} }: { purpose?: string; headers?: Record<string, string> } = {}) {
    const lesson = this.#lessons++;
    const [id, body, gate] = [randomUUID(), quizOf(lesson), new Gate()];
    const matches: CallMatch = (call) => call.purpose === purpose && lessonOf(call) === lesson;
    this.model.script(matches, { holdAfter: CHUNKS, gate });
    const call = client.post('/api/quizzes/generate', body, { 'x-task-id': id, ...headers });
    const upstream = await this.model.called(matches);
    await this.model.sent(upstream, CHUNKS);
    const held: HeldQuiz = { id, lesson, body, call, upstream, gate };
    return held;
  }

  /** What the model was asked about a lesson, in order. */
  calls({ lesson }: HeldQuiz): string[] {
    return this.model.journal.filter((call) => lessonOf(call) === lesson).map(({ purpose }) => purpose);
  }
}
