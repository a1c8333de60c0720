import { DisconnectTurns } from './disconnect-turns.js';

/** So many shields that may wait run at once: more would only wait for each other at the database, on their own time. */
const AT_ONCE = 16;

/**
 * Lets shields that may wait run a few at a time, in their order; and none of those of clients that have left while a crowd of them is still
 * being told of and unwound: what costs money is stopped before that is written down. One that has waited for long enough runs all the same.
 */
export class ShieldQueue {
  readonly #turns: DisconnectTurns;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(turns = new DisconnectTurns()) {
    this.#turns = turns;
    turns.onCalm(() => {
      for (let room = AT_ONCE - this.#running; room > 0; room -= 1) this.#waiting.shift()?.();
    });
  }

  /** Runs `fn` when it is its turn, after `longestMs` at the latest. `isOfCrowd` where it is that of a client that has left. */
  async run<T>(fn: () => Promise<T>, longestMs: number, isOfCrowd = false): Promise<T> {
    if (this.#running >= AT_ONCE || (isOfCrowd && this.#turns.isCrowd)) await this.#turn(longestMs);
    this.#running += 1;
    try {
      return await fn();
    } finally {
      this.#running -= 1;
      if (this.#running < AT_ONCE && !this.#turns.isCrowd) this.#waiting.shift()?.();
    }
  }

  #turn(longestMs: number): Promise<void> {
    return new Promise((resolve) => {
      const go = (): void => {
        clearTimeout(timer);
        resolve();
      };
      const goAnyway = (): void => {
        const place = this.#waiting.indexOf(go);
        if (place >= 0) this.#waiting.splice(place, 1);
        resolve();
      };
      const timer = setTimeout(goAnyway, longestMs);
      this.#waiting.push(go);
    });
  }
}
