import type { LlmConfig } from '../config/index.js';
import { DomainError } from '../problems/index.js';

/** The SDK's own timeout ends at the headers; this one watches the body too: silence, and the whole. */
export class UpstreamClock {
  readonly #idle: NodeJS.Timeout;
  readonly #total: NodeJS.Timeout;
  #isHeld = false;
  #lastLook?: NodeJS.Immediate;

  constructor({ idleTimeoutMs, timeoutMs }: LlmConfig, expire: (reason: DomainError) => void) {
    const expiry = (ms: number, what: string): void =>
      expire(new DomainError('upstream_timeout', `The language model ${what} for ${ms} ms.`));
    this.#idle = setTimeout(() => this.#lookOnceMore(() => expiry(idleTimeoutMs, 'said nothing')), idleTimeoutMs);
    this.#total = setTimeout(() => expiry(timeoutMs, 'was not done'), timeoutMs);
  }

  /** Something has come: while its reader has it, nothing is asked of the provider, and its silence does not count. */
  hold(): void {
    this.#isHeld = true;
    clearImmediate(this.#lastLook);
  }

  /** The provider is asked for more: its silence begins now. */
  tick(): void {
    this.#isHeld = false;
    this.#idle.refresh();
  }

  stop(): void {
    clearTimeout(this.#idle);
    clearTimeout(this.#total);
    clearImmediate(this.#lastLook);
  }

  /** Timers come before sockets: after a standstill of this process what the provider has said long ago is still to be read. */
  #lookOnceMore(expire: () => void): void {
    if (!this.#isHeld) this.#lastLook = setImmediate(expire);
  }
}
