import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { HangupClient } from './hangup-client.js';
import { HangupError, NotHangupError } from './errors.js';
import type { TaskOptions } from './task-issue.js';

const QUIZ = { book_id: 1, chapter_id: 101, exercise_type: 'mixed' } as const;
const PROBLEM = { type: 'about:blank', title: 'x', detail: 'Not now.' };

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A server of another kind, on a free port. */
async function serve(answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<HangupClient> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  servers.push(server);
  return new HangupClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, token: 'x' });
}

const as =
  (status: number, type: string, body: string, headers: Record<string, string> = {}) =>
  (_: IncomingMessage, response: ServerResponse) =>
    void response.writeHead(status, { ...(type !== '' && { 'content-type': type }), ...headers }).end(body);

describe('a base URL under which something else answers', () => {
  it.each([
    ['a page', as(200, 'text/html; charset=utf-8', '<!doctype html>'), /a page of HTML \(status 200\)/],
    ['a page that says it is not there', as(404, 'text/html', '<html>'), /a page of HTML \(status 404\)/],
    ['another JSON', as(200, 'application/json', '{"hello":"world"}'), /JSON without "quiz"/],
    ['another error', as(404, 'application/json', '{"message":"Not Found"}'), /JSON that is no problem of Hangup/],
    ['a quiz without the task’s id', as(200, 'application/json', '{"quiz":{}}'), /an answer without the X-Task-Id/],
    ['nothing', as(200, '', ''), /something without a content type/],
    ['text', as(200, 'text/plain', 'ok'), /text\/plain/],
  ])('is said aloud: %s', async (_, answer, message) => {
    const call = (await serve(answer)).quizzes.generate(QUIZ);
    await expect(call).rejects.toBeInstanceOf(NotHangupError);
    await expect(call).rejects.toThrow(message);
  });

  it.each([
    ['a page', as(200, 'text/html', '<!doctype html>'), /a page of HTML/],
    ['JSON', as(200, 'application/json', '{"quiz":1}'), /X-Task-Id/],
    ['somebody else’s stream', as(200, 'text/event-stream', 'data: 1\n\n'), /X-Task-Id/],
  ])('is said aloud where a stream was asked for: %s', async (_, answer, message) => {
    const next = (await serve(answer)).quizzes.stream(QUIZ).next();
    await expect(next).rejects.toBeInstanceOf(NotHangupError);
    await expect(next).rejects.toThrow(message);
  });

  it.each([
    ['a list', as(200, 'application/json', '{"items":[]}'), /JSON without "books"/],
    ['a page', as(200, 'text/html', '<p>'), /a page of HTML/],
  ])('is said aloud where no task was asked for: %s', async (_, answer, message) => {
    await expect((await serve(answer)).books.list()).rejects.toThrow(message);
  });
});

describe('a server that is busy', () => {
  /** What a server is asked that refuses once with this, and then makes a quiz. */
  const askedOf = async (code: string, over: object = {}, options: TaskOptions = {}): Promise<Record<string, unknown>[]> => {
    const asked: Record<string, unknown>[] = [];
    const hangup = await serve((request, response) => {
      const id = String(request.headers['x-task-id']);
      asked.push({ id, at: request.headers['x-issued-at'] });
      const refuses = asked.length === 1;
      const body = refuses ? { ...PROBLEM, status: 503, code, ...over } : { task_id: id, quiz: {}, usage: {} };
      const headers = refuses ? { 'retry-after': '0', 'content-type': 'application/problem+json' } : { 'content-type': 'application/json' };
      response.writeHead(refuses ? 503 : 200, { ...headers, 'x-task-id': id }).end(JSON.stringify(body));
    });
    await hangup.quizzes.generate(QUIZ, options).catch((error: unknown) => asked.push({ code: (error as HangupError).code }));
    return asked;
  };

  it.each(['draining', 'auth_unavailable', 'database_unavailable'])(
    'is asked again under the same id where no task had begun: %s',
    async (code) => {
      const [first, second] = await askedOf(code);
      expect(second).toEqual(first);
    },
  );

  it('is asked again under another id, as of the same time, where its task had begun', async () => {
    const [first, second] = await askedOf('upstream_rate_limited');
    expect([second!.at, second!.id === first!.id]).toEqual([first!.at, false]);
    const left = await askedOf('draining', { task_id: '8a4b7c50-92f5-4a53-8a32-5b3c8cc1b3ab' });
    expect([left.length, left[0]!.id === left[1]!.id]).toEqual([2, false]);
  });

  it('is not asked under another id than the one that was given', async () => {
    const taskId = '8a4b7c50-92f5-4a53-8a32-5b3c8cc1b3ab';
    expect(await askedOf('upstream_rate_limited', {}, { taskId })).toEqual([
      expect.objectContaining({ id: taskId }),
      { code: 'upstream_rate_limited' },
    ]);
  });
});

describe('an error of the server', () => {
  it.each([
    [402, 'budget_exceeded', 'BudgetError'],
    [409, 'task_cancelled', 'AbortError'],
    [504, 'deadline_exceeded', 'TimeoutError'],
    [404, 'book_not_found', 'NotFoundError'],
    [422, 'chapter_empty', 'HangupError'],
  ])('%i %s is thrown as %s, with what the server said', async (status, code, name) => {
    const problem = { ...PROBLEM, status, code, receipt: { stage: 'x' } };
    const hangup = await serve(as(status, 'application/problem+json', JSON.stringify(problem)));
    const error = await hangup.quizzes.generate(QUIZ).catch((thrown: unknown) => thrown as HangupError);
    expect(error).toBeInstanceOf(HangupError);
    expect(error).toMatchObject({ name, code, status, message: 'Not now.', problem, receipt: { stage: 'x' } });
  });
});
