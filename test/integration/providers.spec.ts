import { createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AbortContext } from '../../src/abort/index.js';
import { Llm, Models } from '../../src/llm/index.js';
import { ScriptedModelServer } from '../../src/testing/index.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const QUIZ = { book_id: 1, chapter_id: 101, exercise_type: 'mixed', question_count: 2 };

/** Azure's addresses in front of the OpenAI wire: deployments in the path, an API version in the query, the key in `api-key`. */
class AzureFront {
  readonly seen: { path: string; key: unknown }[] = [];
  readonly #server: Server;

  constructor(target: string) {
    this.#server = createServer((incoming, outgoing) => {
      this.seen.push({ path: incoming.url ?? '', key: incoming.headers['api-key'] });
      const path = (incoming.url ?? '').replace(/^\/openai\/deployments\/[^/]+/, '/v1').replace(/\?.*/, '');
      const upstream = request(new URL(path, target), { method: incoming.method, headers: incoming.headers }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(outgoing);
      });
      incoming.pipe(upstream);
      outgoing.once('close', () => !outgoing.writableEnded && upstream.destroy());
      upstream.on('error', () => outgoing.destroy());
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

describe('Azure OpenAI, by configuration alone', () => {
  let model: ScriptedModelServer;
  let azure: AzureFront;
  let app: TestApp;

  beforeAll(async () => {
    model = await ScriptedModelServer.start();
    azure = new AzureFront(model.baseUrl);
    app = await startTestApp({
      env: {
        LLM_MODEL: 'azure_openai:gpt-4o-mini',
        VISION_MODEL: 'azure_openai:gpt-4o',
        AZURE_OPENAI_VISION_DEPLOYMENT_NAME: 'vision-deployment',
        AZURE_OPENAI_API_KEY: 'azure-key-for-tests',
        AZURE_OPENAI_ENDPOINT: await azure.start(),
        AZURE_OPENAI_API_DEPLOYMENT_NAME: 'chat-deployment',
        AZURE_OPENAI_EMBEDDING_DEPLOYMENT_NAME: 'embedding-deployment',
        AZURE_OPENAI_API_VERSION: '2024-10-21',
      },
    });
  }, 60_000);
  afterAll(async () => {
    await app.close();
    azure.stop();
    await model.stop();
  });

  it('makes a quiz through the deployments, with exact token counts', async () => {
    const answer = await (await app.client()).post('/api/quizzes/generate', QUIZ).answer;
    expect(answer?.status).toBe(200);
    expect(answer?.json()).toMatchObject({ usage: { estimated: false } });
    const paths = new Set(azure.seen.map(({ path }) => path));
    expect(paths).toEqual(
      new Set([
        '/openai/deployments/embedding-deployment/embeddings?api-version=2024-10-21',
        '/openai/deployments/chat-deployment/chat/completions?api-version=2024-10-21',
      ]),
    );
    expect(new Set(azure.seen.map(({ key }) => key))).toEqual(new Set(['azure-key-for-tests']));
  });

  it('shows images to the deployment that sees', async () => {
    const llm = app.app.get(Llm, { strict: false });
    const content = [{ type: 'image' as const, mediaType: 'image/png' as const, bytes: new Uint8Array([1, 2, 3]) }];
    const look = () => Array.fromAsync(llm.stream({ messages: [{ role: 'user', content }], model: 'vision' }));
    await app.app.get(AbortContext).run(new AbortController().signal, look);
    expect(azure.seen.at(-1)).toEqual({
      path: '/openai/deployments/vision-deployment/chat/completions?api-version=2024-10-21',
      key: 'azure-key-for-tests',
    });
    expect(app.app.get(Models, { strict: false }).description).toBe('azure_openai:gpt-4o-mini; images: azure_openai:gpt-4o');
  });

  it('cuts the call in flight there too', async () => {
    model.reset();
    model.script('quiz', { stallAfter: 3 });
    const call = (await app.client()).post('/api/quizzes/generate', QUIZ);
    const upstream = await model.called('quiz');
    await model.sent(upstream, 3);
    await call.hangUp();
    expect((await model.ended(upstream)).outcome).toBe('client_closed');
  });
});

describe('a server without keys, as Ollama and vLLM are', () => {
  it('answers under its address alone', async () => {
    const app = await startTestApp({ env: { OPENAI_API_KEY: '', LLM_MODEL: 'openai:llama3.2', EMBEDDING_MODEL: 'nomic-embed-text' } });
    const answer = await (await app.client()).post('/api/quizzes/generate', QUIZ).answer;
    expect(answer?.status).toBe(200);
    expect(new Set(app.model.journal.map(({ model }) => model))).toEqual(new Set(['nomic-embed-text', 'llama3.2']));
    await app.close();
  }, 60_000);
});
