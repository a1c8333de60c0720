import { Injectable } from '@nestjs/common';

/** So many disconnects are told of in one turn of the event loop: what follows each takes about half a millisecond. */
const IN_ONE_TURN = 100;
/** So many of them in the turn in which they come: in that of a crowd thousands of sockets close, which takes long enough. */
const AT_ONCE = 10;

/**
 * Tells of clients that leave, at once and in their order; but of a crowd that leaves in one moment, as behind a balancer that dies, a few in
 * each turn of the event loop, so that heartbeats, cancels and those who are still there are not held up by it.
 */
@Injectable()
export class DisconnectTurns {
  /** Called once a crowd has been told of. */
  onCalm = noop;
  readonly #waiting: (() => void)[] = [];
  #room = AT_ONCE;
  #isUnderWay = false;

  /** Whether some have left who have not been told of yet. */
  get isCrowd(): boolean {
    return this.#waiting.length > 0;
  }

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
    this.#room = Math.min(AT_ONCE, IN_ONE_TURN - turn.length);
    this.#isUnderWay = turn.length > 0;
    if (this.#isUnderWay) setImmediate(() => this.#next());
    else this.onCalm();
    for (const tell of turn) queueMicrotask(tell);
  }
}

function noop(): void {
  // Nobody waits for it.
}
