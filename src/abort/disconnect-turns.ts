import { Injectable } from '@nestjs/common';

/** So many disconnects are told of in one turn of the event loop: what follows each takes about half a millisecond. */
const IN_ONE_TURN = 100;
/** So many in a turn in which more than these come: thousands of sockets may close in it, which takes long enough. */
const AT_ONCE = 4;
/** After so many of those in a row they are no crowd that leaves in one moment: then no more wait than have to. */
const LONGEST_CROWD_TURNS = 5;

/**
 * Tells of clients that leave, at once and in their order; but of a crowd that leaves in one moment, as behind a balancer that dies, a few in
 * each turn of the event loop, so that heartbeats, cancels and those who are still there are not held up by it.
 */
@Injectable()
export class DisconnectTurns {
  readonly #waiting: (() => void)[] = [];
  readonly #listeners: (() => void)[] = [];
  #room = AT_ONCE;
  /** How many have come since the last turn. */
  #came = 0;
  #crowdTurns = 0;
  #isUnderWay = false;
  #isCrowd = false;

  /** Whether more have left than could be told of at once, and not all of them have been. */
  get isCrowd(): boolean {
    return this.#isCrowd;
  }

  /** Calls `listener` whenever all of a crowd have been told of. */
  onCalm(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Calls `tell` behind what is still to run in this turn, or in one of the next. */
  take(tell: () => void): void {
    this.#came += 1;
    if (this.#room > 0 && this.#waiting.length === 0) {
      this.#room -= 1;
      queueMicrotask(tell);
    } else {
      this.#waiting.push(tell);
      this.#isCrowd = true;
    }
    if (!this.#isUnderWay) setImmediate(() => this.#next());
    this.#isUnderWay = true;
  }

  #next(): void {
    const turn = this.#waiting.splice(0, this.#mayTell());
    this.#room = AT_ONCE;
    this.#isUnderWay = turn.length > 0;
    if (this.#isUnderWay) setImmediate(() => this.#next());
    else this.#calm();
    for (const tell of turn) queueMicrotask(tell);
  }

  #mayTell(): number {
    this.#crowdTurns = this.#came > AT_ONCE ? this.#crowdTurns + 1 : 0;
    this.#came = 0;
    return this.#crowdTurns > 0 && this.#crowdTurns <= LONGEST_CROWD_TURNS ? AT_ONCE : IN_ONE_TURN;
  }

  #calm(): void {
    if (!this.#isCrowd) return;
    this.#isCrowd = false;
    for (const listener of this.#listeners) listener();
  }
}
