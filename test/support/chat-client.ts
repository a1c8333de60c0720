import { Agent, request, type ClientRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { performance } from 'node:perf_hooks';
import { TokenVerifier } from '../../src/auth/index.js';
import { eventually, SocketClient } from '../../src/testing/index.js';
import type { TestApp } from './test-app.js';

export interface HeardEvent {
  readonly type: string;
  readonly data: Record<string, unknown>;
}

/** A learner who talks with the tutor in one session, over sockets that can be left unread or cut. */
export class Chatter {
  private constructor(
    private readonly url: URL,
    private readonly token: string,
    readonly client: SocketClient,
    readonly session: string,
  ) {}

  static async of(app: TestApp, session: string, user = 'learner', options?: { scope?: string }): Promise<Chatter> {
    const token = await app.app.get(TokenVerifier).issue(user, options);
    return new Chatter(new URL(app.url), token, await app.client(user, options), session);
  }

  /** The same learner in the same session, at another instance. */
  at(url: string): Chatter {
    return new Chatter(new URL(url), this.token, new SocketClient(url, { authorization: `Bearer ${this.token}` }), this.session);
  }

  /** Sends a message; `body` has what goes along with it. */
  say(content: string, body: object = {}, headers: Readonly<Record<string, string>> = {}): LiveReply {
    const { hostname: host, port } = this.url;
    const sent = request({
      host,
      port,
      method: 'POST',
      path: this.#path('messages'),
      agent: new Agent(),
      headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json', ...headers },
    });
    sent.end(JSON.stringify({ content, ...body }));
    return new LiveReply(sent);
  }

  async cancel(body: unknown = {}, headers: Readonly<Record<string, string>> = {}) {
    const answer = await this.client.post(this.#path('cancel'), body, headers).answer;
    return answer!.json<{ session_id: string; cancelled_count: number; task_ids: string[]; pending: boolean }>();
  }

  /** All that was said, as the history gives it. */
  async history(): Promise<Message[]> {
    const answer = await this.client.get(`${this.#path('messages')}?limit=100`).answer;
    return answer!.json<{ messages: Message[] }>().messages;
  }

  /** What the history has of the last reply. */
  async lastReply(): Promise<Message> {
    return (await this.history()).findLast(({ role }) => role === 'assistant')!;
  }

  async task(id: string): Promise<Task> {
    return (await this.client.get(`/api/tasks/${id}`).answer)!.json<Task>();
  }

  #path(what: string): string {
    return `/api/chat/sessions/${encodeURIComponent(this.session)}/${what}`;
  }
}

export interface Message {
  readonly id: string;
  readonly role: string;
  readonly content: string;
  readonly state: string;
  readonly task_id: string;
  readonly created_at: string;
}

export interface Task {
  readonly id: string;
  readonly state: string;
  readonly stage: string | null;
  readonly usage: Readonly<Record<string, unknown>>;
  readonly cancel: Readonly<Record<string, unknown>> | null;
  readonly receipt: { readonly layers: readonly { layer: string; stopped_ms: number | null }[]; readonly calls_avoided: number } | null;
  readonly error: Readonly<Record<string, unknown>> | null;
}

/** A reply as it comes in. */
export class LiveReply {
  readonly #request: ClientRequest;
  readonly #response: Promise<IncomingMessage | undefined>;
  readonly #ended: Promise<void>;
  #text = '';
  /** When what came last came (`performance.now()`). */
  lastAt = 0;

  constructor(sent: ClientRequest) {
    this.#request = sent;
    const { promise: response, resolve: begin } = Promise.withResolvers<IncomingMessage | undefined>();
    const { promise: ended, resolve: end } = Promise.withResolvers<undefined>();
    this.#response = response;
    this.#ended = ended;
    sent.once('response', (incoming) => {
      begin(incoming);
      incoming.setEncoding('utf8');
      incoming.on('data', (data: string) => {
        this.#text += data;
        this.lastAt = performance.now();
      });
      incoming.on('error', () => end(undefined));
      incoming.once('close', () => end(undefined));
    });
    sent.on('error', () => {
      begin(undefined);
      end(undefined);
    });
  }

  /** From now on the socket is not read. To be called in the tick of the request. */
  stopReading(): this {
    this.#request.once('response', (incoming) => incoming.pause());
    return this;
  }

  async resumeReading(): Promise<void> {
    (await this.#response)?.resume();
  }

  /** `undefined` if the connection went away before the first byte. */
  async status(): Promise<number | undefined> {
    return (await this.#response)?.statusCode;
  }

  async headers(): Promise<IncomingHttpHeaders> {
    return (await this.#response)?.headers ?? {};
  }

  /** Resolves once all has been heard, or the connection is gone. */
  async heard(): Promise<this> {
    await this.#ended;
    return this;
  }

  /** What came over the socket so far. */
  get raw(): string {
    return this.#text;
  }

  /** The problem that was answered in place of a stream. */
  async problem(): Promise<Record<string, unknown>> {
    await this.#ended;
    return JSON.parse(this.#text) as Record<string, unknown>;
  }

  get events(): HeardEvent[] {
    return this.#text
      .split('\n\n')
      .slice(0, -1)
      .filter((block) => !block.startsWith(':'))
      .map(toEvent);
  }

  /** The types of all events, but for those that tell of stages. */
  get types(): string[] {
    return this.events.flatMap(({ type }) => (type === 'stage-start' ? [] : type));
  }

  get comments(): number {
    return this.#text.split('\n\n').filter((block) => block.startsWith(':')).length;
  }

  get text(): string {
    return this.events.flatMap(({ type, data }) => (type === 'text-delta' ? [String(data.text)] : [])).join('');
  }

  /** Resolves with the first event of a type, once it has come. */
  async event(type: string): Promise<HeardEvent> {
    return await eventually(
      () => {
        const found = this.events.find((each) => each.type === type);
        if (!found) throw new Error(`Heard so far: ${this.#text}`);
        return found;
      },
      { timeoutMs: 10_000, message: `the event ${type}` },
    );
  }

  async taskId(): Promise<string> {
    return String((await this.event('task-start')).data.task_id);
  }

  async end(): Promise<HeardEvent['data']> {
    return (await this.event('task-end')).data;
  }

  /** Cuts the socket. Resolves with the moment (`performance.now()`). */
  hangUp(): number {
    const at = performance.now();
    this.#request.destroy();
    return at;
  }
}

function toEvent(block: string): HeardEvent {
  const { type, data } = /^id: .+\nevent: (?<type>.*)\ndata: (?<data>.*)$/.exec(block)?.groups ?? {};
  if (type === undefined || data === undefined) throw new Error(`No event: ${block}`);
  return { type, data: JSON.parse(data) as HeardEvent['data'] };
}
