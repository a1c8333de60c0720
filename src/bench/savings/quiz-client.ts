import { Agent, request, type ClientRequest } from 'node:http';
import { json } from 'node:stream/consumers';
import { QUIZ_HEADER } from './labels.js';
import type { PlannedQuiz } from './plan.js';

/** What came of a quiz at its client: the id of the task that made it, or nothing, because the client had left. */
export type Outcome = { readonly taskId: string } | 'hung up';

/** The learners' apps: each asks for quizzes over a real connection, and can be made to destroy it. */
export class QuizClient implements Disposable {
  readonly #agent = new Agent({ keepAlive: true });
  readonly #inFlight = new Map<number, ClientRequest>();
  readonly #hungUp = new Set<number>();
  readonly #url: string;
  readonly #tokens: ReadonlyMap<string, string>;

  constructor(url: string, tokens: ReadonlyMap<string, string>) {
    this.#url = `${url}/api/quizzes/generate`;
    this.#tokens = tokens;
  }

  /** How many have been hung up on. */
  get hungUp(): number {
    return this.#hungUp.size;
  }

  /** Resolves with the outcome; rejects if the app answers with anything but a quiz. */
  generate({ index, user, body }: PlannedQuiz): Promise<Outcome> {
    const headers = {
      'content-type': 'application/json',
      authorization: `Bearer ${this.#tokens.get(user) ?? ''}`,
      [QUIZ_HEADER]: String(index),
    };
    return new Promise<Outcome>((resolve, reject) => {
      const sent = request(this.#url, { method: 'POST', headers, agent: this.#agent });
      this.#inFlight.set(index, sent);
      sent.on('error', (error) => {
        if (this.#hungUp.has(index)) resolve('hung up');
        else reject(error);
      });
      sent.on('response', (response) => {
        json(response).then((answer) => resolve(toOutcome(response.statusCode, answer)), reject);
      });
      sent.end(JSON.stringify(body));
    }).finally(() => this.#inFlight.delete(index));
  }

  /** Destroys the connection of a quiz, once. */
  hangUp(index: number): void {
    if (this.#hungUp.has(index)) return;
    this.#hungUp.add(index);
    this.#inFlight.get(index)?.destroy(new Error('The client hung up.'));
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

function toOutcome(status: number | undefined, answer: unknown): Outcome {
  if (status !== 200) throw new Error(`A quiz was answered with ${status ?? 'nothing'}: ${JSON.stringify(answer)}`);
  return { taskId: (answer as { task_id: string }).task_id };
}
