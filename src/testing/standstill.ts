import type { ModelCall } from '../llm/offline/index.js';
import { toCondition, type CallMatch } from './call-match.js';
import { Gate } from './gate.js';

/** All calls that match stand still, wherever they are, until the gate opens. */
export class Standstill {
  readonly gate = new Gate();
  readonly #matches: (call: ModelCall) => boolean;

  constructor(match: CallMatch) {
    this.#matches = toCondition(match);
  }

  /** Waits at the gate, if the call is one of those. */
  async pass(call: ModelCall): Promise<void> {
    if (!this.gate.opened && this.#matches(call)) await this.gate.wait();
  }
}
