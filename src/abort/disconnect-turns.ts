import type { Socket } from 'node:net';
import { Injectable } from '@nestjs/common';

/** So many disconnects are told of in one turn of the event loop: what follows each takes about half a millisecond. */
export const IN_ONE_TURN = 50;

/**
 * Tells of clients that leave, at once and in their order; but of a crowd that leaves in one moment, as behind a balancer that dies, a few in
 * each turn of the event loop, so that heartbeats, cancels and those who are still there are not held up by it.
 */
@Injectable()
export class DisconnectTurns {
  /** The connections of requests whose signal somebody has looked at, until they are answered or their client has left. */
  readonly awaited = new Set<Socket>();
  readonly #waiting: (() => void)[] = [];
  readonly #listeners: (() => void)[] = [];
  #room = IN_ONE_TURN;
  #isUnderWay = false;
  #expectsMore = false;
  #isCrowd = false;

  /** Whether more have left than can be told of at once, or are about to, and not all of them have been. */
  get isCrowd(): boolean {
    return this.#isCrowd;
  }

  /** Calls `listener` whenever all of a crowd have been told of. */
  onCalm(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** A crowd leaves, and will be told here a few at a time. */
  expectMore(): void {
    this.#expectsMore = true;
    this.#isCrowd = true;
  }

  /** Nobody more of that crowd is to come, as far as is known. */
  expectNoMore(): void {
    this.#expectsMore = false;
    if (!this.#isUnderWay) this.#calm();
  }

  /** Calls `tell` behind what is still to run in this turn, or in one of the next. */
  take(tell: () => void): void {
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
    const turn = this.#waiting.splice(0, IN_ONE_TURN);
    this.#room = IN_ONE_TURN - turn.length;
    this.#isUnderWay = turn.length > 0;
    if (this.#isUnderWay) setImmediate(() => this.#next());
    else this.#calm();
    for (const tell of turn) queueMicrotask(tell);
  }

  #calm(): void {
    if (!this.#isCrowd || this.#expectsMore) return;
    this.#isCrowd = false;
    for (const listener of this.#listeners) listener();
  }
}
