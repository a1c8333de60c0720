/**
 * Says when something was issued: in milliseconds since 1970 and strictly increasing, also within one millisecond and when the clock of
 * the machine is put back. The server orders a client's tasks against its cancels by it.
 */
export class IssueClock {
  #last = 0;

  constructor(private readonly now: () => number = Date.now) {}

  next(): number {
    this.#last = Math.max(this.now(), this.#last + 1);
    return this.#last;
  }
}
