import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { Injectable } from '@nestjs/common';

/** So many disconnects are told of in one turn of the event loop: what follows each takes about half a millisecond. */
export const IN_ONE_TURN = 25;
/** Where others leave without end, what unwinds waits no longer than this for them. */
const LONGEST_UNWINDING_WAIT_MS = 5000;

/**
 * Tells of clients that leave, at once and in their order; but of a crowd that leaves in one moment, as behind a balancer that dies, a few in
 * each turn of the event loop, so that heartbeats, cancels and those who are still there are not held up by it. What costs money is stopped
 * as they are told of; what merely unwinds from there waits until all of them have been.
 */
@Injectable()
export class DisconnectTurns {
  /** The connections of requests whose signal somebody has looked at, until they are answered or their client has left. */
  readonly awaited = new Set<Socket>();
  readonly #waiting: (() => void)[] = [];
  /** What of those who have been told of is left to do. */
  readonly #unwinding: (() => void)[] = [];
  /** Since when the first of that waits. */
  #unwindingSince = 0;
  readonly #listeners: (() => void)[] = [];
  #room = IN_ONE_TURN;
  #isUnderWay = false;
  #expectsMore = false;
  #isCrowd = false;

  /** Whether more have left than can be told of at once, or are about to, and not all of them have been told of and unwound. */
  get isCrowd(): boolean {
    return this.#isCrowd;
  }

  /** Calls `listener` whenever all of a crowd have been told of and unwound. */
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
    if (!this.#isUnderWay) this.#next();
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

  /** Calls `fn` at once; while a crowd leaves, in its order in a turn after all of them have been told of, or after 5 s. */
  unwind(fn: () => void): void {
    if (!this.#isCrowd) {
      fn();
      return;
    }
    if (this.#unwinding.length === 0) this.#unwindingSince = performance.now();
    this.#unwinding.push(fn);
  }

  #next(): void {
    const told = this.#waiting.splice(0, IN_ONE_TURN);
    this.#room = IN_ONE_TURN - told.length;
    const areAllTold = told.length === 0 && !this.#expectsMore;
    const isOverdue = performance.now() - this.#unwindingSince > LONGEST_UNWINDING_WAIT_MS;
    const unwound = areAllTold || isOverdue ? this.#unwinding.splice(0, IN_ONE_TURN) : [];
    this.#isUnderWay = told.length + unwound.length > 0;
    if (this.#isUnderWay) setImmediate(() => this.#next());
    else this.#calm();
    for (const fn of [...told, ...unwound]) queueMicrotask(fn);
  }

  #calm(): void {
    if (!this.#isCrowd || this.#expectsMore) return;
    this.#isCrowd = false;
    for (const listener of this.#listeners) listener();
  }
}
