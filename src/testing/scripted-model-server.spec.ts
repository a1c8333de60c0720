import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import OpenAI, { APIConnectionError } from 'openai';
import type { Stream } from 'openai/streaming';
import type { ChatRequest } from '../llm/offline/index.js';
import { Gate, ScriptedModelServer } from './index.js';

const TEXT = 'one two three four five six seven eight';
const MESSAGES = [{ role: 'user' as const, content: 'Count.' }];

let server: ScriptedModelServer;
let client: OpenAI;

beforeEach(async () => {
  server = await ScriptedModelServer.start();
  client = new OpenAI({ apiKey: 'test', baseURL: server.baseUrl, maxRetries: 0 });
});

afterEach(() => server.stop());

describe('An unscripted call', () => {
  it('is answered as the offline model answers, and stands in the journal', async () => {
    expect(await ask('chat')).toContain('offline model');
    await client.embeddings.create({ model: 'm', input: 'hello' });
    expect(server.journal.map(({ purpose, outcome }) => [purpose, outcome])).toEqual([
      ['chat', 'completed'],
      ['embeddings', 'completed'],
    ]);
  });
});

describe('A script', () => {
  it('holds a call before its first byte until the gate opens', async () => {
    const hold = new Gate();
    server.script('write_quiz', { hold });
    const answer = ask('write_quiz');
    await hold.reached;
    expect(server.journal[0]).toMatchObject({ purpose: 'write_quiz', chunksSent: 0, outcome: undefined });
    hold.open();
    await answer;
    expect(server.journal[0]?.outcome).toBe('completed');
  });

  it('holds a stream after so many chunks, and a client that leaves there is seen', async () => {
    const gate = new Gate();
    server.script('chat', { holdAfter: 4, gate, text: TEXT });
    const stream = await open();
    const call = await server.called('chat');
    await server.sent(call, 4);
    await gate.reached;
    stream.controller.abort();
    expect(await server.ended(call)).toMatchObject({ outcome: 'client_closed', chunksSent: 4, textSent: 'one two three four' });
  });

  it('goes on from where it held', async () => {
    const gate = new Gate();
    server.script('chat', { holdAfter: 2, gate, text: TEXT });
    const reading = ask('chat', true);
    await gate.reached;
    gate.open();
    expect(await reading).toBe(TEXT);
  });

  it('answers with a status, headers and a body', async () => {
    server.script('chat', {
      status: 503,
      headers: { 'retry-after': '1' },
      body: { error: { message: 'Overloaded', type: 'server_error', code: null } },
    });
    await expect(ask('chat')).rejects.toMatchObject({ status: 503, type: 'server_error' });
  });

  it('answers with a text that may depend on the request', async () => {
    server.script('chat', { text: ({ messages }: ChatRequest) => `heard ${messages.length} from the ${messages[0]?.role ?? ''}` });
    expect(await ask('chat')).toBe('heard 1 from the user');
  });

  it('resets the connection before the first byte', async () => {
    server.script('embeddings', { reset: true });
    await expect(client.embeddings.create({ model: 'm', input: 'x' })).rejects.toThrow(APIConnectionError);
  });

  it('resets a stream after so many chunks', async () => {
    server.script('chat', { resetAfter: 3, text: TEXT });
    await expect(ask('chat', true)).rejects.toThrow('terminated');
    expect(server.journal[0]).toMatchObject({ outcome: 'failed', chunksSent: 3 });
  });

  it('stalls a stream until the client leaves', async () => {
    server.script('chat', { stallAfter: 1, text: TEXT });
    const stream = await open();
    const call = await server.called('chat');
    await server.sent(call, 1);
    stream.controller.abort();
    expect(await server.ended(call)).toMatchObject({ outcome: 'client_closed', chunksSent: 1 });
  });

  it('is used so many times only, and the latest that matches wins', async () => {
    server.script('chat', { text: 'first' });
    server.script(({ model }) => model === 'm', { text: 'second' }, { times: 2 });
    expect([await ask('chat'), await ask('chat'), await ask('chat')]).toEqual(['second', 'second', 'first']);
  });
});

describe('A hold', () => {
  it('holds one call before its first byte, and others pass', async () => {
    const hold = server.hold('chat');
    expect(hold.call).toBeUndefined();
    const held = ask('chat');
    await hold.gate.reached;
    await ask('chat');
    expect(hold.call).toBe(server.journal[0]);
    expect(server.journal).toMatchObject([{ outcome: undefined, firstByteAt: undefined }, { outcome: 'completed' }]);
    hold.gate.open();
    await held;
  });

  it('holds the nth of the calls from now, so many chunks into what its script says', async () => {
    await ask('chat');
    server.script('chat', { text: TEXT });
    const hold = server.hold('chat', { nth: 2, chunks: 3 });
    expect(await ask('chat', true)).toBe(TEXT);
    const held = ask('chat', true);
    await hold.gate.reached;
    expect(hold.call).toMatchObject({ id: 3, textSent: 'one two three' });
    hold.gate.open();
    expect(await held).toBe(TEXT);
  });

  it('ends with the call', async () => {
    const hold = server.hold('chat', { chunks: 1 });
    const stream = await open();
    await hold.gate.reached;
    stream.controller.abort();
    expect(await server.ended(hold.call!)).toMatchObject({ outcome: 'client_closed', chunksSent: 1 });
  });

  it('ends with a reset, which lets go of what is held', async () => {
    const hold = server.hold('chat');
    const held = ask('chat');
    await hold.gate.reached;
    const next = server.hold('chat');
    server.reset();
    expect(await held).toContain('offline model');
    await ask('chat');
    expect(next.call).toBeUndefined();
  });
});

describe('The journal', () => {
  it('tells of the nth call of a purpose, also of one that is yet to come', async () => {
    const second = server.called('grade_answer', 2);
    await ask('grade_answer');
    await ask('chat');
    await ask('grade_answer');
    expect((await second).id).toBe(3);
  });

  it('rejects when a call ends before the chunk that is waited for', async () => {
    server.script('chat', { text: 'short' });
    await ask('chat', true);
    await expect(server.sent(server.journal[0]!, 5)).rejects.toThrow('Call 1 ended (completed) after 1 chunks, before chunk 5.');
  });

  it('holds whatever was sent to the server before it has caught up', async () => {
    const answers = Array.from({ length: 5 }, () => ask('chat'));
    // A promise to send is no call yet: these are sent in the turns that follow.
    await server.called('chat');
    await server.caughtUp();
    expect(server.journal).toHaveLength(5);
    await Promise.all(answers);
  });

  it('is forgotten by a reset, with the scripts, and held gates open', async () => {
    const hold = new Gate();
    server.script('chat', { hold });
    const answer = ask('chat');
    await hold.reached;
    server.reset();
    expect(await answer).toContain('offline model');
    expect(server.journal).toEqual([]);
    await ask('chat');
    expect(server.journal).toHaveLength(1);
  });
});

async function ask(purpose: string, stream = false): Promise<string> {
  if (stream) return await read(await open());
  const format = { type: 'json_schema' as const, json_schema: { name: purpose, schema: {} } };
  const response_format = purpose === 'chat' ? undefined : format;
  const { choices } = await client.chat.completions.create({ model: 'm', messages: MESSAGES, response_format });
  return choices[0]?.message.content ?? '';
}

async function read(stream: Stream<OpenAI.ChatCompletionChunk>): Promise<string> {
  let text = '';
  for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
  return text;
}

function open(): Promise<Stream<OpenAI.ChatCompletionChunk>> {
  return client.chat.completions.create({ model: 'm', messages: MESSAGES, stream: true });
}
