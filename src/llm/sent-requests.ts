import { AsyncLocalStorage } from 'node:async_hooks';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';

/** What wants to know whether its request has left. */
export interface Sending {
  isSent: boolean;
  /** The model that is asked: each may have a client of its own. */
  readonly model: string;
}

/**
 * Knows which requests to a model have left as a whole. A call that is cut while its socket is still being opened costs nothing, and on a
 * busy machine that takes a while. undici, also that under Node's own `fetch`, tells of each request on its diagnostics channels; of a client
 * that does not use it nothing is known, and what it has begun counts as sent.
 */
@Injectable()
export class SentRequests implements OnModuleInit, OnApplicationShutdown {
  readonly #current = new AsyncLocalStorage<Sending>();
  readonly #sendings = new WeakMap<object, Sending>();
  /** The models whose clients are seen here. */
  readonly #seen = new Set<string>();

  onModuleInit(): void {
    subscribe('undici:request:create', this.#onCreate);
    subscribe('undici:request:bodySent', this.#onSent);
  }

  onApplicationShutdown(): void {
    unsubscribe('undici:request:create', this.#onCreate);
    unsubscribe('undici:request:bodySent', this.#onSent);
  }

  /** Runs `begin`, which makes a request, and notes on `sending` when that has left. */
  during<T>(sending: Sending, begin: () => T): T {
    sending.isSent = !this.#seen.has(sending.model);
    return this.#current.run(sending, begin);
  }

  readonly #onCreate = (message: unknown): void => {
    const sending = this.#current.getStore();
    if (!sending) return;
    this.#seen.add(sending.model);
    sending.isSent = false;
    this.#sendings.set(requestOf(message), sending);
  };

  readonly #onSent = (message: unknown): void => {
    const sending = this.#sendings.get(requestOf(message));
    if (sending) sending.isSent = true;
  };
}

function requestOf(message: unknown): object {
  return (message as { readonly request: object }).request;
}
