import type { ModelCall } from './model-call.js';

/** What a call is answered with instead: an HTTP answer of its own, another text, or a connection that is reset. */
export type Reply =
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body: unknown }
  | { readonly text: string }
  | { readonly reset: true };

type Awaitable<T> = T | Promise<T>;

/**
 * Where a test or a pace steps into a call. Hooks may be asynchronous and are waited for, but never beyond the call: once the client
 * has left or the server stops, `signal` aborts, and whatever the hook gives after that is ignored.
 */
export interface ModelServerHooks {
  /** Before anything is sent. What it returns replaces the answer. */
  onCall?(call: ModelCall, signal: AbortSignal): Awaitable<Reply | undefined>;
  /** Before the content chunk `index` (from 0) is written, and once more before the finish. `'reset'` resets the connection there. */
  beforeChunk?(call: ModelCall, index: number, signal: AbortSignal): Awaitable<'reset' | undefined>;
  /** A content chunk has been handed to the socket; `call` already counts it. */
  onChunk?(call: ModelCall): void;
  /** The call is over, `call.outcome` says how. Called exactly once for each call. */
  onEnd?(call: ModelCall): void;
}
