/** So many disconnects are told of in one turn of the event loop: what follows each takes about a millisecond. */
const IN_ONE_TURN = 100;

/**
 * Tells of clients that leave, at once and in their order; but of a crowd that leaves in one moment, as behind a balancer that dies, a few in
 * each turn of the event loop, so that heartbeats, cancels and those who are still there are not held up by it.
 */
export class DisconnectTurns {
  readonly #waiting: (() => void)[] = [];
  #room = IN_ONE_TURN;
  #isUnderWay = false;

  /** Calls `tell` behind what is still to run in this turn, or in one of the next. */
  take(tell: () => void): void {
    if (this.#room > 0 && this.#waiting.length === 0) {
      this.#room -= 1;
      queueMicrotask(tell);
    } else this.#waiting.push(tell);
    if (!this.#isUnderWay) setImmediate(() => this.#next());
    this.#isUnderWay = true;
  }

  #next(): void {
    const turn = this.#waiting.splice(0, IN_ONE_TURN);
    this.#room = IN_ONE_TURN - turn.length;
    this.#isUnderWay = turn.length > 0;
    if (this.#isUnderWay) setImmediate(() => this.#next());
    for (const tell of turn) queueMicrotask(tell);
  }
}
