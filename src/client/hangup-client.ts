import { Analyses, Resources } from './analyses.js';
import { Asking } from './asking.js';
import { Books } from './books.js';
import { Cancels, type OnError } from './cancels.js';
import { Chat } from './chat.js';
import { Documents } from './documents.js';
import { IssueClock } from './issue-clock.js';
import { LatestCalls, type Latest } from './latest.js';
import type { OnDisconnect } from './policy.js';
import { Quizzes } from './quizzes.js';
import { randomId } from './random-id.js';
import { Tasks } from './tasks.js';
import { Transport, type Fetch, type Token } from './transport.js';
import { Usage } from './usage.js';

export interface HangupClientOptions {
  /** Where Hangup answers, without `/api`. */
  readonly baseUrl: string;
  /** The bearer token, or what gives one for each request. */
  readonly token: Token;
  /** The name of this client among all of its user's: a new one for each `HangupClient` unless given. Two that live at once need two. */
  readonly clientId?: string;
  /** In place of the platform's own. */
  readonly fetch?: Fetch;
  /** For every task that does not say otherwise. */
  readonly onDisconnect?: OnDisconnect;
  /** Told of what goes wrong where nobody waits for it: a cancel that could not be delivered. */
  readonly onError?: OnError;
}

/**
 * Hangup, for apps: in browsers, React Native and Node. Every call takes a `signal`; aborting it rejects the call at once and stops its
 * work on the server. Holds nothing open between calls, so that there is nothing to close.
 */
export class HangupClient {
  readonly quizzes: Quizzes;
  readonly books: Books;
  readonly chat: Chat;
  readonly analyses: Analyses;
  readonly resources: Resources;
  readonly documents: Documents;
  readonly tasks: Tasks;
  readonly usage: Usage;
  readonly #latest = new LatestCalls();

  constructor({ baseUrl, token, clientId = randomId(), fetch, onDisconnect, onError }: HangupClientOptions) {
    const clock = new IssueClock();
    const transport = new Transport({ baseUrl, token, clientId, fetch });
    const asking = new Asking(transport, new Cancels(transport, clock, onError), clock, onDisconnect);
    this.quizzes = new Quizzes(asking);
    this.books = new Books(asking);
    this.chat = new Chat(asking);
    this.analyses = new Analyses(asking);
    this.resources = new Resources(asking);
    this.documents = new Documents(asking);
    this.tasks = new Tasks(asking);
    this.usage = new Usage(asking);
  }

  /** One call at a time under this key, of which only the latest is ever delivered: `latest((signal) => quizzes.generate(input, { signal }))`. */
  latest(key: string): Latest {
    return this.#latest.of(key);
  }
}
