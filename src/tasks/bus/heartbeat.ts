import { within } from './within.js';

const EVERY_MS = 2000;
const LONGEST_ANSWER_MS = 1000;

/** Asks the other side again and again whether it is still there: a connection that was cut silently does not say so by itself. */
export class Heartbeat {
  readonly #ask: () => Promise<unknown>;
  readonly #onSilence: (why: unknown) => void;
  #timer?: NodeJS.Timeout;
  #isAsking = false;
  #isStopped = false;

  /** `onSilence` is called once, for the first question that was not answered in time, or answered with an error; then it is over. */
  constructor(ask: () => Promise<unknown>, onSilence: (why: unknown) => void) {
    this.#ask = ask;
    this.#onSilence = onSilence;
  }

  start(): void {
    if (!this.#isStopped) this.#timer = setTimeout(() => void this.beat(), EVERY_MS);
  }

  /** Asks now: for whoever has come to doubt. */
  async beat(): Promise<void> {
    if (this.#isAsking || this.#isStopped) return;
    this.#isAsking = true;
    clearTimeout(this.#timer);
    try {
      await within(LONGEST_ANSWER_MS, this.#ask());
      this.#isAsking = false;
      this.start();
    } catch (error) {
      this.#fallSilent(error);
    }
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #fallSilent(why: unknown): void {
    if (this.#isStopped) return;
    this.stop();
    this.#onSilence(why);
  }
}
