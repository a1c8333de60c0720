import { Agent, request, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { TokenVerifier } from '../../src/auth/index.js';
import { eventually } from '../../src/testing/index.js';
import type { TestApp } from './test-app.js';

/** An event as it was heard, and the very bytes of it. */
export interface Heard {
  readonly id: string;
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly bytes: string;
}

interface Ask {
  readonly method?: string;
  readonly body?: object;
  readonly headers?: Readonly<Record<string, string>>;
  /** The client hangs up as soon as it has heard so many events. */
  readonly cutAfter?: number;
}

/** A client that reads what tasks tell, over sockets of its own that can be cut after any event. */
export class EventClient {
  private constructor(
    private readonly url: URL,
    private readonly token: string,
  ) {}

  static async of(app: TestApp, user = 'learner', options?: { scope?: string }): Promise<EventClient> {
    return new EventClient(new URL(app.url), await app.app.get(TokenVerifier).issue(user, options));
  }

  static at(url: string, token: string): EventClient {
    return new EventClient(new URL(url), token);
  }

  /** What a task tells, after an event or from its beginning. */
  follow(id: string, { after, query = '', ...ask }: Ask & { readonly after?: string; readonly query?: string } = {}): HeardStream {
    const headers = { ...(after !== undefined && { 'last-event-id': after }), ...ask.headers };
    return this.open(`/api/tasks/${id}/events${query}`, { ...ask, headers });
  }

  /** Asks for a quiz and watches it come into being. */
  quiz(id: string, body: object, headers: Readonly<Record<string, string>> = {}): HeardStream {
    return this.open('/api/quizzes/generate', {
      method: 'POST',
      body,
      headers: { accept: 'text/event-stream', 'x-task-id': id, ...headers },
    });
  }

  open(path: string, { method = 'GET', body, headers = {}, cutAfter }: Ask = {}): HeardStream {
    const { hostname: host, port } = this.url;
    const type = body && { 'content-type': 'application/json' };
    const all = { authorization: `Bearer ${this.token}`, ...type, ...headers };
    const sent = request({ host, port, method, path, agent: new Agent(), headers: all });
    sent.end(body && JSON.stringify(body));
    return new HeardStream(sent, cutAfter);
  }
}

/** A stream as it comes in. Comments are no part of it. */
export class HeardStream {
  readonly #request: ClientRequest;
  readonly #begun = Promise.withResolvers<IncomingMessage | undefined>();
  readonly #over = Promise.withResolvers<undefined>();
  readonly #cutAfter: number;
  readonly events: Heard[] = [];
  #rest = '';
  #body = '';

  constructor(sent: ClientRequest, cutAfter = Infinity) {
    this.#request = sent;
    this.#cutAfter = cutAfter;
    const end = (): void => {
      this.#begun.resolve(undefined);
      this.#over.resolve(undefined);
    };
    sent.on('error', end);
    sent.once('close', end);
    sent.once('response', (incoming) => {
      this.#begun.resolve(incoming);
      incoming.setEncoding('utf8');
      incoming.on('data', (text: string) => this.#hear(text));
      incoming.on('error', end);
      incoming.once('close', end);
    });
  }

  async status(): Promise<number | undefined> {
    return (await this.#begun.promise)?.statusCode;
  }

  async headers(): Promise<IncomingHttpHeaders> {
    return (await this.#begun.promise)?.headers ?? {};
  }

  /** The problem that was answered in place of a stream. */
  async problem(): Promise<Record<string, unknown>> {
    await this.#over.promise;
    return JSON.parse(this.#body) as Record<string, unknown>;
  }

  /** Resolves once the connection is gone, with all that was heard. */
  async heard(): Promise<readonly Heard[]> {
    await this.#over.promise;
    return this.events;
  }

  /** The bytes of all events so far. */
  get bytes(): string {
    return this.events.map(({ bytes }) => bytes).join('');
  }

  get types(): string[] {
    return this.events.map(({ type }) => type);
  }

  /** Resolves with the nth event of a type, once it has come. */
  async event(type: string, nth = 1): Promise<Heard> {
    const probe = (): Heard => {
      const found = this.events.filter((each) => each.type === type)[nth - 1];
      if (!found) throw new Error(`Heard so far: ${this.types.join(' ') || this.#body}`);
      return found;
    };
    return await eventually(probe, { timeoutMs: 15_000, message: `the event ${type} (${nth})` });
  }

  hangUp(): void {
    this.#request.destroy();
  }

  #hear(text: string): void {
    this.#body += text;
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) {
      if (this.events.length >= this.#cutAfter) break;
      if (!block.startsWith(':')) this.events.push(toHeard(block));
    }
    if (this.events.length >= this.#cutAfter) this.hangUp();
  }
}

function toHeard(block: string): Heard {
  const { id, type, data } = /^id: (?<id>.*)\nevent: (?<type>.*)\ndata: (?<data>.*)$/.exec(block)?.groups ?? {};
  if (id === undefined || type === undefined || data === undefined) throw new Error(`No event: ${block}`);
  return { id, type, data: JSON.parse(data) as Heard['data'], bytes: `${block}\n\n` };
}
