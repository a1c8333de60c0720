import type { LlmConfig } from '../config/index.js';
import { DomainError } from '../problems/index.js';

/** The SDK's own timeout ends at the headers; this one watches the body too: silence, and the whole. */
export class UpstreamClock {
  readonly #idle: NodeJS.Timeout;
  readonly #total: NodeJS.Timeout;

  constructor({ idleTimeoutMs, timeoutMs }: LlmConfig, expire: (reason: DomainError) => void) {
    const expiry = (ms: number, what: string) => () =>
      expire(new DomainError('upstream_timeout', `The language model ${what} for ${ms} ms.`));
    this.#idle = setTimeout(expiry(idleTimeoutMs, 'said nothing'), idleTimeoutMs);
    this.#total = setTimeout(expiry(timeoutMs, 'was not done'), timeoutMs);
  }

  tick(): void {
    this.#idle.refresh();
  }

  stop(): void {
    clearTimeout(this.#idle);
    clearTimeout(this.#total);
  }
}
