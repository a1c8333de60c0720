import type { ServerResponse } from 'node:http';
import { performance } from 'node:perf_hooks';
import type { LiveCall } from './live-call.js';
import type { CallOutcome } from './model-call.js';
import { toWireError } from './openai-wire.js';

export const JSON_HEADERS = { 'content-type': 'application/json' };

/** Why work on a call stopped: the call is over. */
export class CallOver extends Error {
  override readonly name = 'AbortError';

  constructor(readonly outcome: CallOutcome) {
    super(`The call is over (${outcome}).`);
  }
}

/**
 * One call and the response that it is answered on. Every end goes through `#end`, once. When the connection closes before the answer
 * is finished the call is over at that very moment: `signal` aborts, `within` rejects, and nothing is written any more.
 */
export class Exchange {
  readonly #call: LiveCall;
  readonly #response: ServerResponse;
  readonly #onEnd: () => void;
  readonly #controller = new AbortController();

  constructor(call: LiveCall, response: ServerResponse, onEnd: () => void) {
    this.#call = call;
    this.#response = response;
    this.#onEnd = onEnd;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Looks for the client from now on, and at once: it may have left while its body was read. */
  watch(): void {
    // Never the request's own 'close': that fires as soon as the body of a POST has been read.
    this.#response.once('close', this.#onClose);
    if (this.#response.destroyed || this.#response.socket?.destroyed === true) this.#onClose();
  }

  /** The outcome of `work`, unless the call is over first: then it rejects at once and the work is left to itself. */
  within<T>(work: T | Promise<T>): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const onAbort = (): void => reject(this.signal.reason);
      if (this.signal.aborted) onAbort();
      this.signal.addEventListener('abort', onAbort, { once: true });
      void Promise.resolve(work)
        .then(resolve, reject)
        .finally(() => this.signal.removeEventListener('abort', onAbort));
    });
  }

  head(status: number, headers: Readonly<Record<string, string>>): void {
    this.signal.throwIfAborted();
    this.#response.writeHead(status, { 'x-request-id': `req_${this.#call.id}`, ...headers });
  }

  /** Resolves when the kernel has taken the data, which is all the back-pressure that is needed: one write is in flight at a time. */
  async write(data: string): Promise<void> {
    this.signal.throwIfAborted();
    const taken = new Promise<void>((resolve) => {
      // A write that fails is a client that left, with data still on its way: 'close' follows and says so.
      this.#response.write(data, (error) => !error && resolve());
    });
    this.#call.firstByteAt ??= performance.now();
    await this.within(taken);
  }

  /** Sends the last of the answer; the call has then ended. */
  finish(data: string, outcome: CallOutcome = 'completed'): void {
    this.signal.throwIfAborted();
    this.#call.firstByteAt ??= performance.now();
    this.#response.end(data);
    this.#end(outcome);
  }

  /** Resets the connection, so that the client sees it break and not end. */
  reset(): void {
    this.#end('failed');
    this.#response.socket?.resetAndDestroy();
  }

  /** Ends the call on an error of this side: as a 500 while nothing has been sent, else by breaking the connection. */
  fail(error: unknown): void {
    if (this.#response.headersSent) {
      this.reset();
      return;
    }
    const refusal = toWireError(error);
    this.head(refusal.status, JSON_HEADERS);
    this.finish(JSON.stringify(refusal.toBody()), 'failed');
  }

  /** After `finish` this says nothing new: the call has its outcome. */
  readonly #onClose = (): void => this.#end('client_closed');

  #end(outcome: CallOutcome): void {
    if (this.#call.outcome !== undefined) return;
    this.#call.end(outcome);
    if (outcome !== 'completed') this.#controller.abort(new CallOver(outcome));
    this.#onEnd();
  }
}
