import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import type { ModelServerHooks } from './model-server-hooks.js';

export interface Pace {
  /** Milliseconds until the first byte of a chat answer. Embeddings come at once. */
  readonly firstTokenMs: number;
  /** How fast an answer comes after that; `Infinity` for as fast as it can. */
  readonly tokensPerSecond: number;
}

/**
 * Hooks that hold each chunk until it is due, counted from when the call came in, so that timers that fire late do not add up. The
 * clock of a call ends at once when the client leaves, and keeps no process alive.
 */
export function humanPace({ firstTokenMs, tokensPerSecond }: Pace): ModelServerHooks {
  const msPerToken = 1000 / tokensPerSecond;
  return {
    onCall: ({ kind, receivedAt }, signal) => (kind === 'chat' ? until(receivedAt + firstTokenMs, signal) : undefined),
    beforeChunk: ({ receivedAt }, index, signal) => until(receivedAt + firstTokenMs + index * msPerToken, signal),
  };
}

async function until(due: number, signal: AbortSignal): Promise<undefined> {
  const wait = due - performance.now();
  if (wait > 0) await delay(wait, undefined, { signal, ref: false });
}
