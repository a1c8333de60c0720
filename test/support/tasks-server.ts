import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { HangupClient, type TaskPage } from '../../src/client/index.js';

export type ServedTask = TaskPage['tasks'][number];

export interface Asked {
  /** With the method before it, and without `/api/tasks`. */
  readonly what: string;
  readonly query: URLSearchParams;
  readonly body: unknown;
}

/** What is asked is answered with, as JSON; a number is the status of a refusal. */
export type AnswerTasks = (asked: Asked) => Promise<object | number> | object | number;

/** As much of the API as tells of tasks, with answers that a test chooses and holds back, over real sockets. */
export class TasksServer {
  readonly asked: Asked[] = [];
  /** Of which the client has gone before it was answered. */
  readonly cut: string[] = [];
  answer: AnswerTasks = () => 404;
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  static async start(): Promise<TasksServer> {
    const server = new TasksServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/`;
  }

  get hangup(): HangupClient {
    return new HangupClient({ baseUrl: this.url, token: 'x' });
  }

  /** What was asked, in order. */
  get requests(): string[] {
    return this.asked.map(({ what }) => what);
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', this.url);
    const text = (await request.toArray()).join('');
    const what = `${request.method} ${pathname.replace('/api/tasks', '')}`;
    const asked = { what, query, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
    this.asked.push(asked);
    response.on('close', () => !response.writableEnded && this.cut.push(what));
    const answer = await this.answer(asked);
    const refusal = { type: 'about:blank', title: 'Refused', detail: 'Refused.', status: answer, code: 'refused' };
    const [status, json, type] = typeof answer === 'number' ? [answer, refusal, 'problem+json'] : [200, answer, 'json'];
    const { 'x-task-id': taskId } = request.headers;
    response.writeHead(status, { 'content-type': `application/${type}`, ...(taskId && { 'x-task-id': taskId }) }).end(JSON.stringify(json));
  }
}

/** Later ones are newer. */
export function servedTask(id: string, state: ServedTask['state'], place = 0, over: Partial<ServedTask> = {}): ServedTask {
  const created_at = new Date(Date.UTC(2026, 10, 27, 8, 0, place)).toISOString();
  return { id, state, created_at, kind: 'quiz_generation', scopes: [], ...over } as ServedTask;
}
