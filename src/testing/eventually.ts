import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { describeError } from './describe-error.js';
import { Hopeless } from './hopeless.js';

const POLL_MS = 10;

export interface EventuallyOptions {
  /** Default 5000. */
  readonly timeoutMs?: number;
  /** What was waited for, at the head of the failure. */
  readonly message?: string;
}

/**
 * Asks again until the probe does not throw and, if it answers with a boolean, says true; resolves with its answer. Rejects when the
 * time is up, with the last error as the cause. For what happens on the other side of a socket: inside a process, wait at a `Gate`.
 */
export async function eventually<T>(probe: () => T | Promise<T>, options: EventuallyOptions = {}): Promise<T> {
  const { timeoutMs = 5000, message = 'The expected never happened' } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const { answer, error } = await attempt(probe);
    if (answer) return answer.value;
    if (performance.now() >= deadline) throw new Error(`${message} (${timeoutMs} ms): ${describeError(error)}`, { cause: error });
    await delay(POLL_MS);
  }
}

async function attempt<T>(probe: () => T | Promise<T>): Promise<{ answer?: { value: T }; error?: unknown }> {
  try {
    const value = await probe();
    return value === false ? { error: new Error('the probe still says false') } : { answer: { value } };
  } catch (error) {
    if (error instanceof Hopeless) throw error;
    return { error };
  }
}
