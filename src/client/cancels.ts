import type { CancelAnswer } from '../tasks/index.js';
import { readJson } from './answers.js';
import { ConnectionLostError, HangupError } from './errors.js';
import type { IssueClock } from './issue-clock.js';
import { backoffMs, pause } from './retries.js';
import type { ClientRequest, Transport } from './transport.js';

const MOST_TRIES = 6;

/** Told of what goes wrong where nobody waits for it: a cancel that could not be delivered. Must not throw. */
export type OnError = (error: HangupError) => void;

/** Sends the cancels of calls that were aborted. Nobody has to wait for them. */
export class Cancels {
  constructor(
    private readonly transport: Transport,
    private readonly clock: IssueClock,
    private readonly onError: OnError | undefined,
  ) {}

  /**
   * Cancels a task, also one that has not come yet. The request leaves within this call, apart from every other and with no signal, so
   * that nothing takes it back: neither the abort that it comes from, nor the next page. Resolves with the answer; with `undefined` where
   * it could not be delivered, and `onError` was told so. Never rejects.
   */
  async send(taskId: string): Promise<CancelAnswer | undefined> {
    const body = { pending: true, issued_at: this.clock.next() };
    const request = { method: 'POST', path: `/api/tasks/${taskId}/cancel`, body, keepalive: true, field: 'status' };
    try {
      return await this.#deliver(request);
    } catch (cause) {
      this.onError?.(new HangupError('cancel_failed', `Task ${taskId} could not be cancelled.`, { taskId, cause }));
      return undefined;
    }
  }

  async #deliver(request: ClientRequest): Promise<CancelAnswer> {
    for (let tries = 1; ; tries += 1) {
      try {
        const answer = await this.transport.send({ ...request, isUrgent: tries === 1 });
        return await readJson(answer, this.transport.expected(request));
      } catch (error) {
        if (tries === MOST_TRIES || !mayPass(error)) throw error;
      }
      await pause(backoffMs(tries));
    }
  }
}

/** A token may have run out, and is asked for anew. */
function mayPass(error: unknown): boolean {
  if (error instanceof ConnectionLostError) return true;
  return error instanceof HangupError && (error.status === 401 || error.status === 429 || (error.status ?? 0) >= 500);
}
