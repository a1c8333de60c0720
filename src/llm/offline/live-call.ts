import type { IncomingHttpHeaders } from 'node:http';
import { performance } from 'node:perf_hooks';
import { countPromptTokens, countTokens } from './count-tokens.js';
import type { CallKind, CallOf, CallOutcome, CallRequests } from './model-call.js';
import { embeddingsInput, type ChatRequest, type EmbeddingsRequest } from './openai-wire.js';

interface CallStart<K extends CallKind> {
  readonly id: number;
  readonly kind: K;
  readonly purpose: string;
  readonly request: CallRequests[K];
  readonly headers: IncomingHttpHeaders;
  readonly countPrompt: () => number;
}

/** The writable side of a `ModelCall`. Tokens are counted when somebody looks: few calls of a test are asked for theirs. */
export class LiveCall<K extends CallKind = CallKind> implements CallOf<K> {
  readonly id: number;
  readonly kind: K;
  readonly purpose: string;
  readonly model: string;
  readonly request: CallRequests[K];
  readonly headers: IncomingHttpHeaders;
  readonly receivedAt = performance.now();
  firstByteAt?: number;
  chunksSent = 0;
  textSent = '';
  endedAt?: number;
  outcome?: CallOutcome;
  readonly #countPrompt: () => number;
  #promptTokens?: number;

  constructor(start: CallStart<K>) {
    this.id = start.id;
    this.kind = start.kind;
    this.purpose = start.purpose;
    this.model = start.request.model;
    this.request = start.request;
    this.headers = start.headers;
    this.#countPrompt = start.countPrompt;
  }

  get promptTokens(): number {
    return (this.#promptTokens ??= this.#countPrompt());
  }

  get completionTokens(): number {
    return countTokens(this.textSent);
  }

  sent(text: string): void {
    this.chunksSent += 1;
    this.textSent += text;
  }

  end(outcome: CallOutcome): void {
    this.outcome = outcome;
    this.endedAt = performance.now();
  }
}

export function chatCall(id: number, request: ChatRequest, headers: IncomingHttpHeaders): LiveCall<'chat'> {
  const purpose = request.response_format?.json_schema?.name ?? 'chat';
  return new LiveCall({
    id,
    kind: 'chat',
    purpose,
    request,
    headers,
    countPrompt: () => countPromptTokens(request.messages, request.model),
  });
}

export function embeddingsCall(id: number, request: EmbeddingsRequest, headers: IncomingHttpHeaders): LiveCall<'embeddings'> {
  const countPrompt = (): number => embeddingsInput(request).reduce((sum, text) => sum + countTokens(text), 0);
  return new LiveCall({ id, kind: 'embeddings', purpose: 'embeddings', request, headers, countPrompt });
}
