import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { logs } from '../support/log-capture.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const KEY = 'd41d8cd98f00b204e9800998ecf8427e';
const QUIZ = { book_id: 1, chapter_id: 101, exercise_type: 'mixed', question_count: 1 };

describe('an API key that a provider refuses by repeating it', () => {
  const provider = createServer((request, response) => {
    const key = String(request.headers['api-key'] ?? request.headers.authorization);
    const message = `Access denied: ${key} is not a key of this resource`;
    response.writeHead(401, { 'content-type': 'application/json' }).end(JSON.stringify({ error: { message } }));
  });
  let url: string;
  let app: TestApp;

  beforeAll(async () => {
    provider.listen(0, '127.0.0.1');
    await once(provider, 'listening');
    url = `http://127.0.0.1:${(provider.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await app.close();
  });
  afterAll(() => {
    provider.closeAllConnections();
    provider.close();
  });

  async function expectKeptSecret(env: Record<string, string>): Promise<void> {
    const written = jest.spyOn(logs, 'write');
    app = await startTestApp({ isFirstStart: true, env });
    const answer = await (await app.client()).post('/api/quizzes/generate', QUIZ).answer;
    expect(answer?.json()).toMatchObject({ status: 502, code: 'upstream_error', detail: expect.stringContaining('[redacted]') });
    expect(answer?.text).not.toContain(KEY);
    const lines = written.mock.calls.flat().join('');
    expect(lines).toContain('Passages could not be embedded');
    expect(lines).not.toContain(KEY);
  }

  it('is in no answer and in no log line', async () => {
    await expectKeptSecret({ OPENAI_API_KEY: KEY, OPENAI_BASE_URL: url });
  });

  it('is in no answer and in no log line where it is Azure`s', async () => {
    const deployment = { AZURE_OPENAI_API_DEPLOYMENT_NAME: 'chat', AZURE_OPENAI_API_VERSION: '2024-10-21' };
    await expectKeptSecret({ LLM_MODEL: 'azure_openai:gpt-4o', AZURE_OPENAI_API_KEY: KEY, AZURE_OPENAI_ENDPOINT: url, ...deployment });
  });
});
