import type { IncomingHttpHeaders } from 'node:http';
import type { ChatRequest, EmbeddingsRequest } from './openai-wire.js';

export interface CallRequests {
  readonly chat: ChatRequest;
  readonly embeddings: EmbeddingsRequest;
}
export type CallKind = keyof CallRequests;

/**
 * How a call ended. `completed`: the whole answer was handed over; `client_closed`: the connection went away before that;
 * `failed`: the server answered with an error, reset the connection or was stopped.
 */
export type CallOutcome = 'completed' | 'client_closed' | 'failed';

/** One call as the model server sees it, a live object: it changes while the call runs. Times are `performance.now()`. */
export interface CallOf<K extends CallKind> {
  /** Counts up from 1 on each server. */
  readonly id: number;
  readonly kind: K;
  /** The name of the JSON schema that a chat call asks for, else `chat`; `embeddings` for embeddings. */
  readonly purpose: string;
  readonly model: string;
  readonly request: CallRequests[K];
  readonly headers: IncomingHttpHeaders;
  readonly receivedAt: number;
  readonly firstByteAt?: number;
  /** Content chunks handed to the socket so far; an answer that is not streamed counts as one. */
  readonly chunksSent: number;
  readonly textSent: string;
  readonly promptTokens: number;
  /** Tokens of what was sent so far, so that an aborted call tells what it cost. */
  readonly completionTokens: number;
  /** Set together with `outcome`: for a client that left, at the moment its connection closed. */
  readonly endedAt?: number;
  readonly outcome?: CallOutcome;
}

export type ChatCall = CallOf<'chat'>;
export type EmbeddingsCall = CallOf<'embeddings'>;
export type ModelCall = ChatCall | EmbeddingsCall;
