import { JSON_HEADERS, type Exchange } from './exchange.js';
import type { EmbeddingsCall } from './model-call.js';
import type { ModelServerHooks } from './model-server-hooks.js';
import { embeddingsInput } from './openai-wire.js';
import { askForReply, sendReply } from './reply.js';

/** Answers one embeddings call. A `{ text }` reply means nothing here and is passed over. */
export async function answerEmbeddings(
  exchange: Exchange,
  call: EmbeddingsCall,
  hooks: ModelServerHooks,
  embed: (input: readonly string[]) => number[][],
): Promise<void> {
  if (sendReply(exchange, await askForReply(exchange, call, hooks))) return;
  const vectors = embed(embeddingsInput(call.request));
  exchange.head(200, JSON_HEADERS);
  exchange.finish(JSON.stringify(toBody(call, vectors)));
}

function toBody(call: EmbeddingsCall, vectors: readonly number[][]): object {
  const encode = call.request.encoding_format === 'base64' ? toBase64 : (vector: readonly number[]) => vector;
  const data = vectors.map((vector, index) => ({ object: 'embedding', index, embedding: encode(vector) }));
  const { model, promptTokens } = call;
  return { object: 'list', data, model, usage: { prompt_tokens: promptTokens, total_tokens: promptTokens } };
}

/** Little-endian 32-bit floats, as OpenAI sends them. */
function toBase64(vector: readonly number[]): string {
  const bytes = Buffer.alloc(vector.length * 4);
  vector.forEach((value, index) => bytes.writeFloatLE(value, index * 4));
  return bytes.toString('base64');
}
