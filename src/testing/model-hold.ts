import type { ModelCall } from '../llm/offline/index.js';
import { nameMatch, toCondition, type CallMatch } from './call-match.js';
import { Gate } from './gate.js';

export interface HoldOptions {
  /** So many content chunks are sent first; one that the answer does not have is never reached. Default 0: nothing, not even headers. */
  readonly chunks?: number;
  /** Which of the matching calls, counted from now. Default 1, the next. */
  readonly nth?: number;
}

/** One call that the model server holds, whatever it answers. */
export class ModelHold {
  /** What the call waits at. */
  readonly gate = new Gate();
  readonly #match: CallMatch;
  readonly #chunks: number;
  readonly #nth: number;
  #seen = 0;
  #call?: ModelCall;

  constructor(match: CallMatch, { chunks = 0, nth = 1 }: HoldOptions = {}) {
    this.#match = match;
    this.#chunks = chunks;
    this.#nth = nth;
  }

  /** The call that is held, once it has arrived. */
  get call(): ModelCall | undefined {
    return this.#call;
  }

  /** `call 2 of quiz, 10 chunks into its answer`. */
  get name(): string {
    const where = this.#chunks === 0 ? 'before its first byte' : `${this.#chunks} chunks into its answer`;
    return `call ${this.#nth} of ${nameMatch(this.#match)}, ${where}`;
  }

  /** Told of each call as it arrives. */
  meet(call: ModelCall): void {
    if (toCondition(this.#match)(call) && ++this.#seen === this.#nth) this.#call = call;
  }

  /** Waits at the gate, if it is the call that is held, and so many chunks of it have been sent. */
  async pass(call: ModelCall, sent: number): Promise<void> {
    if (call === this.#call && sent === this.#chunks) await this.gate.wait();
  }
}
