// Not the globals: a test that fakes its clock must not stop these.
import { clearTimeout, setTimeout } from 'node:timers';
import { eventually } from './eventually.js';

const GRACE_MS = 100;

/** Something that a test waits for: a promise that resolves, or what `eventually` asks, which no longer throws or says false. */
export type Condition = Promise<unknown> | (() => unknown);

/** Resolves when the condition has come about. Rejects when the time is up, with `message` at the head. */
export async function comesAbout(condition: Condition, { timeoutMs, message }: { timeoutMs: number; message: string }): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const expire = (): void => reject(new Error(`${message} (${timeoutMs} ms)`));
  // Beyond the last look of `eventually`, which has more to say.
  const timer = setTimeout(expire, timeoutMs + GRACE_MS).unref();
  try {
    await Promise.race([late, typeof condition === 'function' ? eventually(condition, { timeoutMs, message }) : condition]);
  } finally {
    clearTimeout(timer);
  }
}
