import type { IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { WireError, type ChatRequest, type EmbeddingsRequest } from './openai-wire.js';

type Json = Record<string, unknown>;

/** The body of a chat completion, or a `WireError` that says what is wrong with it. */
export async function readChatRequest(request: IncomingMessage): Promise<ChatRequest> {
  const body = await readJson(request);
  const { messages } = body;
  if (!Array.isArray(messages) || messages.length === 0) throw missing('messages', 'a list of at least one message');
  if (!messages.every((message) => isJson(message) && typeof message.role === 'string')) throw missing('messages[].role', 'a string');
  return body as Json & ChatRequest;
}

/** The body of an embeddings request. Lists of token ids, which OpenAI takes as well, are refused: this model reads text. */
export async function readEmbeddingsRequest(request: IncomingMessage): Promise<EmbeddingsRequest> {
  const body = await readJson(request);
  const { input } = body;
  const texts: unknown[] = Array.isArray(input) ? input : [input];
  if (texts.length === 0 || !texts.every((item) => typeof item === 'string')) throw missing('input', 'a string or a list of strings');
  return body as Json & EmbeddingsRequest;
}

async function readJson(request: IncomingMessage): Promise<Json> {
  const body = parse(await text(request));
  if (!isJson(body)) throw new WireError(400, 'The body must be a JSON object.');
  if (typeof body.model !== 'string') throw missing('model', 'a string');
  return body;
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new WireError(400, 'We could not parse the JSON body of your request.', 'invalid_json');
  }
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function missing(field: string, expected: string): WireError {
  return new WireError(400, `'${field}' must be ${expected}.`, 'invalid_value');
}
