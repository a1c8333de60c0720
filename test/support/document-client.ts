import { request, type ClientRequest } from 'node:http';
import { TokenVerifier } from '../../src/auth/index.js';
import type { AcceptedDocuments, DocumentView } from '../../src/documents/documents.dto.js';
import { eventually, type Answer, type SocketClient } from '../../src/testing/index.js';
import type { TaskView } from '../../src/tasks/index.js';
import { answerOf, TaskClient } from './task-client.js';
import type { TestApp } from './test-app.js';

/** A file as a client sends it. */
export interface SentFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  /** What the client says that it is. */
  readonly type?: string;
}

/** What an ingestion has come to, or a reclassification. */
export interface BookResult {
  readonly book_id: number;
  readonly title: string;
  readonly chapters: readonly { readonly id: number; readonly title: string; readonly level: string }[];
  readonly documents: readonly { readonly id: string; readonly name: string; readonly state: string; readonly chapters: string[] }[];
}

export interface Book {
  readonly id: number;
  readonly title: string;
  readonly language: string;
  readonly level: string;
  readonly subject: string;
  readonly chapters: number;
  readonly is_private: boolean;
}

const BOUNDARY = '----hangup-test';

/** What a learner's app does with documents and their books. */
export class DocumentClient extends TaskClient {
  private constructor(
    client: SocketClient,
    readonly url: string,
    readonly token: string,
  ) {
    super(client);
  }

  static async of(app: TestApp, user = 'learner', options?: { scope?: string }): Promise<DocumentClient> {
    return new DocumentClient(await app.client(user, options), app.url, await app.app.get(TokenVerifier).issue(user, options));
  }

  /** The answer to an upload, whatever it is. */
  async send(
    files: readonly SentFile[],
    { title, headers = {} }: { title?: string; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const form = new FormData();
    if (title !== undefined) form.append('title', title);
    for (const { name, bytes, type = 'application/octet-stream' } of files)
      form.append('files', new Blob([Buffer.from(bytes)], { type }), name);
    const all = { authorization: `Bearer ${this.token}`, ...headers };
    const response = await fetch(`${this.url}/api/documents`, { method: 'POST', body: form, headers: all });
    const text = await response.text();
    const parsed: Answer['json'] = () => JSON.parse(text) as never;
    return { status: response.status, headers: Object.fromEntries(response.headers), text, json: parsed };
  }

  async upload(files: readonly SentFile[], options: { title?: string; headers?: Record<string, string> } = {}): Promise<AcceptedDocuments> {
    const answer = await this.send(files, options);
    if (answer.status !== 202) throw new Error(`Not accepted: ${answer.text}`);
    return answer.json<AcceptedDocuments>();
  }

  /** An upload that is under way: its first file begins and never ends. */
  beginUpload(file: SentFile, headers: Record<string, string> = {}): ClientRequest {
    const type = `multipart/form-data; boundary=${BOUNDARY}`;
    const all = { authorization: `Bearer ${this.token}`, 'content-type': type, 'content-length': '100000000', ...headers };
    const sent = request(`${this.url}/api/documents`, { method: 'POST', headers: all });
    sent.on('error', () => undefined);
    const disposition = `Content-Disposition: form-data; name="files"; filename="${file.name}"`;
    sent.write(`--${BOUNDARY}\r\n${disposition}\r\nContent-Type: application/pdf\r\n\r\n`);
    sent.write(file.bytes);
    return sent;
  }

  /** The task once it has ended. */
  async ended(taskId: string, timeoutMs = 20_000): Promise<TaskView> {
    return await eventually(
      async () => {
        const task = await this.task(taskId);
        if (!['completed', 'failed', 'cancelled'].includes(task.state))
          throw new Error(`it is ${task.state} at ${task.stage ?? 'its start'}`);
        return task;
      },
      { timeoutMs, message: `task ${taskId} has not ended` },
    );
  }

  /** What a task came to that is to complete. */
  async completed(taskId: string): Promise<BookResult> {
    const task = await this.ended(taskId);
    if (task.state !== 'completed') throw new Error(`It is ${task.state}: ${JSON.stringify(task.error ?? task.cancel)}`);
    return (await this.result(taskId)).result as BookResult;
  }

  async result(taskId: string): Promise<{ readonly partial: boolean; readonly result: unknown }> {
    return (await answerOf(this.client.get(`/api/tasks/${taskId}/result`))).json();
  }

  async resume(taskId: string): Promise<string> {
    const answer = await answerOf(this.client.post(`/api/tasks/${taskId}/resume`, undefined));
    if (answer.status !== 202) throw new Error(`Not resumed: ${answer.text}`);
    return answer.json<{ task_id: string }>().task_id;
  }

  async document(id: string): Promise<DocumentView> {
    const answer = await answerOf(this.client.get(`/api/documents/${id}`));
    if (answer.status !== 200) throw new Error(`No document: ${answer.text}`);
    return answer.json<DocumentView>();
  }

  async books(): Promise<readonly Book[]> {
    return (await answerOf(this.client.get('/api/books'))).json<{ books: Book[] }>().books;
  }

  async delete(path: string): Promise<Answer> {
    return await answerOf(this.client.call({ method: 'DELETE', path }));
  }

  /** An upload that has become a book. */
  async makeBook(files: readonly SentFile[], options: { title?: string } = {}): Promise<BookResult & { readonly task_id: string }> {
    const { task_id } = await this.upload(files, options);
    return { ...(await this.completed(task_id)), task_id };
  }
}
