import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect } from 'node:net';
import OpenAI, { APIConnectionError, APIError } from 'openai';
import { eventually, Gate } from '../../testing/index.js';
import {
  chunkText,
  countPromptTokens,
  countTokens,
  ModelServer,
  type ChatRequest,
  type ModelCall,
  type ModelServerHooks,
} from './index.js';

const ANSWER = 'Response close, while the answer is unfinished, is what tells of a client that left. 请停止。';
const CHUNKS = chunkText(ANSWER);
const VECTORS = [
  [0.5, -0.25, 1],
  [1 / 3, 0, -2],
];
const MESSAGES = [
  { role: 'system' as const, content: 'You are brief.' },
  { role: 'user' as const, content: 'Who left?' },
];
const REQUEST = { model: 'any-model', messages: MESSAGES };

let hooks: ModelServerHooks;
let server: ModelServer;
let client: OpenAI;
let calls: ModelCall[];
let ended: Gate;

beforeEach(async () => {
  calls = [];
  hooks = {};
  ended = new Gate();
  server = new ModelServer({
    answer: (request: ChatRequest) => (request.model === 'broken' ? fail() : ANSWER),
    embed: (input) => VECTORS.slice(0, input.length),
    models: ['one', 'two'],
    hooks: {
      onCall: (call, signal) => {
        calls.push(call);
        return hooks.onCall?.(call, signal);
      },
      beforeChunk: (call, index, signal) => hooks.beforeChunk?.(call, index, signal),
      onChunk: (call) => hooks.onChunk?.(call),
      onEnd: (call) => {
        hooks.onEnd?.(call);
        ended.open();
      },
    },
  });
  await server.start();
  client = new OpenAI({ apiKey: 'test', baseURL: server.baseUrl, maxRetries: 0 });
});

afterEach(() => server.stop());

describe('A chat completion', () => {
  it('answers whole, with the usage that a count of prompt and answer gives', async () => {
    const completion = await client.chat.completions.create(REQUEST);
    expect(completion.choices[0]?.message).toMatchObject({ role: 'assistant', content: ANSWER });
    expect(completion.choices[0]?.finish_reason).toBe('stop');
    expect(completion.usage).toEqual(usage());
    expect(calls[0]).toMatchObject({ id: 1, kind: 'chat', purpose: 'chat', model: 'any-model', outcome: 'completed', textSent: ANSWER });
  });

  it('streams deltas that join to the answer, a finish reason, and the usage if asked', async () => {
    const stream = await client.chat.completions.create({ ...REQUEST, stream: true, stream_options: { include_usage: true } });
    const chunks = await collect(stream);
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
    expect(chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('')).toBe(ANSWER);
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toBe('stop');
    expect(chunks.at(-1)).toMatchObject({ choices: [], usage: usage() });
    expect(calls[0]).toMatchObject({ outcome: 'completed', chunksSent: CHUNKS.length, textSent: ANSWER });
  });

  it('keeps the usage to itself if nobody asked for it', async () => {
    const stream = await client.chat.completions.create({ ...REQUEST, stream: true });
    const chunks = await collect(stream);
    expect(chunks.filter((chunk) => 'usage' in chunk)).toEqual([]);
  });

  it('takes its purpose from the name of the JSON schema', async () => {
    const response_format = { type: 'json_schema' as const, json_schema: { name: 'write_quiz', schema: {} } };
    await client.chat.completions.create({ ...REQUEST, response_format });
    expect(calls[0]?.purpose).toBe('write_quiz');
  });

  it('counts text parts of a message as its text', async () => {
    const content = [{ type: 'text' as const, text: 'Who left?' }];
    await client.chat.completions.create({ model: 'm', messages: [MESSAGES[0]!, { role: 'user', content }] });
    expect(calls[0]?.promptTokens).toBe(countPromptTokens(MESSAGES));
  });
});

describe('A client that leaves', () => {
  it('ends its call before the first byte, and the late reply of the hook is ignored', async () => {
    const held = new Gate();
    hooks.onCall = async () => {
      await held.wait();
      return { text: 'too late' };
    };
    const controller = new AbortController();
    const answer = client.chat.completions.create(REQUEST, { signal: controller.signal });
    await held.reached;
    controller.abort();
    await expect(answer).rejects.toThrow(OpenAI.APIUserAbortError);
    await ended.wait();
    held.open();
    expect(calls[0]).toMatchObject({ outcome: 'client_closed', chunksSent: 0, textSent: '', completionTokens: 0, firstByteAt: undefined });
  });

  it('ends its call mid-stream, and no chunk follows', async () => {
    const held = new Gate();
    const asked: number[] = [];
    hooks.beforeChunk = async (_call, index) => {
      asked.push(index);
      if (index === 3) await held.wait();
      return undefined;
    };
    const stream = await client.chat.completions.create({ ...REQUEST, stream: true });
    await held.reached;
    stream.controller.abort();
    await ended.wait();
    held.open();
    await server.stop();
    expect(asked).toEqual([0, 1, 2, 3]);
    expect(calls[0]).toMatchObject({ outcome: 'client_closed', chunksSent: 3, textSent: CHUNKS.slice(0, 3).join('') });
    expect(calls[0]?.completionTokens).toBe(countTokens(CHUNKS.slice(0, 3).join('')));
    expect(calls[0]?.endedAt).toBeGreaterThan(calls[0]!.firstByteAt!);
  });

  it('ends a call whose answer is not streamed', async () => {
    const held = new Gate();
    hooks.beforeChunk = () => held.wait() as Promise<undefined>;
    const controller = new AbortController();
    const answer = client.chat.completions.create(REQUEST, { signal: controller.signal });
    await held.reached;
    controller.abort();
    await expect(answer).rejects.toThrow(OpenAI.APIUserAbortError);
    await ended.wait();
    expect(calls[0]).toMatchObject({ outcome: 'client_closed', chunksSent: 0 });
  });

  it('aborts the signal of the hook that holds the call, once', async () => {
    const told = new Gate();
    hooks.onCall = async (_call, signal) => {
      await once(signal, 'abort');
      told.open();
      throw signal.reason;
    };
    const ends: ModelCall[] = [];
    hooks.onEnd = (call) => ends.push(call);
    const socket = await rawCall();
    socket.destroy();
    await told.wait();
    expect(ends).toHaveLength(1);
    expect(calls[0]?.outcome).toBe('client_closed');
  });

  it('does not turn a completed call into a closed one', async () => {
    const socket = await rawCall();
    await once(socket, 'data');
    await ended.wait();
    socket.destroy();
    await server.stop();
    expect(calls[0]?.outcome).toBe('completed');
  });

  it('leaves the next call of the same connection alone', async () => {
    await client.chat.completions.create(REQUEST);
    await client.chat.completions.create(REQUEST);
    expect(calls.map(({ outcome }) => outcome)).toEqual(['completed', 'completed']);
  });

  it('is written to no faster than it reads, and may leave while the server waits for it', async () => {
    const text = 'word '.repeat(200_000);
    hooks.onCall = () => ({ text });
    const socket = await rawCall({ stream: true });
    socket.pause();
    await eventually(() => !isMoving(), { timeoutMs: 20_000, message: 'The server went on writing to a client that does not read' });
    const { outcome, chunksSent, textSent } = calls[0]!;
    expect(outcome).toBeUndefined();
    expect(textSent.length).toBeLessThan(text.length);
    socket.destroy();
    await ended.wait();
    expect(calls[0]).toMatchObject({ outcome: 'client_closed', chunksSent });
  });
});

describe('A failure', () => {
  it('of the hook is answered with its own status, headers and body', async () => {
    hooks.onCall = () => ({
      status: 429,
      headers: { 'retry-after': '7' },
      body: { error: { message: 'Slow down.', type: 'requests', code: 'rate_limit' } },
    });
    const error = await failureOf(client.chat.completions.create(REQUEST));
    expect(error).toMatchObject({ status: 429, code: 'rate_limit', type: 'requests' });
    expect(error.headers?.get('retry-after')).toBe('7');
    expect(calls[0]).toMatchObject({ outcome: 'failed', chunksSent: 0 });
  });

  it('of the hook itself is a 500 with its message', async () => {
    hooks.onCall = () => fail();
    expect(await failureOf(client.embeddings.create({ model: 'm', input: 'x' }))).toMatchObject({ status: 500, type: 'server_error' });
    expect(calls[0]?.outcome).toBe('failed');
  });

  it('of the model is a 500', async () => {
    expect(await failureOf(client.chat.completions.create({ ...REQUEST, model: 'broken' }))).toMatchObject({ status: 500 });
  });

  it('is a connection error when the connection is reset before the first byte', async () => {
    hooks.onCall = () => ({ reset: true });
    await expect(client.chat.completions.create(REQUEST)).rejects.toThrow(APIConnectionError);
    expect(calls[0]?.outcome).toBe('failed');
  });

  it('breaks the stream when the connection is reset in the middle, after what was sent has arrived', async () => {
    hooks.beforeChunk = (_call, index) => (index === 2 ? 'reset' : undefined);
    const stream = await client.chat.completions.create({ ...REQUEST, stream: true });
    let text = '';
    const reading = (async () => {
      for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
    })();
    await expect(reading).rejects.toThrow('terminated');
    expect(text).toBe(CHUNKS.slice(0, 2).join(''));
    expect(calls[0]).toMatchObject({ outcome: 'failed', chunksSent: 2 });
  });

  it('breaks an answer that is not streamed as well, and asks no hook after that', async () => {
    const asked: number[] = [];
    hooks.beforeChunk = (_call, index) => {
      asked.push(index);
      return index === 2 ? 'reset' : undefined;
    };
    await expect(client.chat.completions.create(REQUEST)).rejects.toThrow(APIConnectionError);
    expect(asked).toEqual([0, 1, 2]);
  });

  it('ends the calls in flight when the server stops', async () => {
    const held = new Gate();
    hooks.onCall = () => held.wait() as Promise<undefined>;
    const answer = client.chat.completions.create(REQUEST);
    await held.reached;
    await Promise.all([expect(answer).rejects.toThrow(APIConnectionError), server.stop()]);
    expect(calls[0]?.outcome).toBe('failed');
    expect(() => server.baseUrl).toThrow('Await start() first');
  });

  it.each([
    ['a body that is no JSON', 'POST', '/chat/completions', '{', 400],
    ['a body without messages', 'POST', '/chat/completions', '{"model":"m"}', 400],
    ['a body without a model', 'POST', '/embeddings', '{"input":"x"}', 400],
    ['token ids in place of texts', 'POST', '/embeddings', '{"model":"m","input":[[1,2]]}', 400],
    ['an unknown path', 'POST', '/audio/speech', '{}', 404],
    ['the wrong method', 'GET', '/chat/completions', undefined, 404],
  ])('is told in the form of OpenAI for %s', async (_what, method, path, body, status) => {
    const response = await fetch(`${server.baseUrl}${path}`, { method, body });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { message: expect.any(String), type: 'invalid_request_error', param: null } });
    expect(calls).toEqual([]);
  });
});

describe('Embeddings', () => {
  it('come through base64, which the client asks for by itself, as 32-bit floats', async () => {
    const { data, usage } = await client.embeddings.create({ model: 'm', input: ['first', 'second one'] });
    expect(data.map(({ embedding }) => embedding)).toEqual(VECTORS.map((vector) => vector.map(Math.fround)));
    expect(calls[0]?.request).toMatchObject({ encoding_format: 'base64' });
    expect(usage).toEqual({ prompt_tokens: countTokens('first') + countTokens('second one'), total_tokens: calls[0]?.promptTokens });
    expect(calls[0]).toMatchObject({ kind: 'embeddings', purpose: 'embeddings', outcome: 'completed', completionTokens: 0 });
  });

  it('come as numbers if asked for', async () => {
    const { data } = await client.embeddings.create({ model: 'm', input: 'first', encoding_format: 'float' });
    expect(data[0]?.embedding).toEqual(VECTORS[0]);
  });
});

describe('The models', () => {
  it('are listed, and listing them is no call', async () => {
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toEqual(['one', 'two']);
    expect(calls).toEqual([]);
  });
});

async function collect<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = [];
  for await (const item of stream) items.push(item);
  return items;
}

function usage(): object {
  const prompt_tokens = countPromptTokens(MESSAGES);
  const completion_tokens = countTokens(ANSWER);
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}

/** A chat call over a bare socket, which nobody reads unless the test does. */
async function rawCall(extra: object = {}): Promise<ReturnType<typeof connect>> {
  const { port } = new URL(server.baseUrl);
  const socket = connect(Number(port), '127.0.0.1');
  await once(socket, 'connect');
  const body = JSON.stringify({ ...REQUEST, ...extra });
  socket.write(`POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  return socket;
}

async function failureOf(call: Promise<unknown>): Promise<APIError> {
  const error: unknown = await call.catch((failure: unknown) => failure);
  if (error instanceof APIError) return error;
  throw new Error('The call did not fail with an answer.', { cause: error });
}

const seen: number[] = [];

/** Did the first call send anything during the last few looks? */
function isMoving(): boolean {
  seen.push(calls[0]?.chunksSent ?? 0);
  return seen.at(-1) === 0 || seen.at(-1) !== seen.at(-20);
}

function fail(): never {
  throw new Error('The model broke.');
}
