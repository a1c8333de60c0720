import type { Socket } from 'node:net';
import { performance } from 'node:perf_hooks';
import { inodeOf, NOTHING_UNDER_WAY, type TcpState } from './tcp-table.js';

/** What Node's own `net` reads of a connection to tell a slow write from one that stands still. Under HTTP/2 it is counted there alone. */
interface Handle {
  readonly fd: number;
  /** Bytes that were given to it. */
  readonly bytesWritten: number;
  /** Those of them that the kernel has not taken. */
  readonly writeQueueSize: number;
}

/** How it was noticed that a client has vanished: one word each, for logs and metrics. */
export type VanishedBy =
  /** The kernel gave the connection up: nothing answered its probes. */
  | 'keep_alive'
  /** What was sent is not acknowledged. */
  | 'unacknowledged'
  /** What waits is not taken: the peer may answer, and reads nothing. */
  | 'unread';

export interface Standstill {
  readonly by: Exclude<VanishedBy, 'keep_alive'>;
  /** For how long nothing was acknowledged, in milliseconds. */
  readonly ms: number;
}

/**
 * Whether what was written to a connection arrives. Progress is what has been acknowledged since the look before, and no clock: a
 * process that was held up itself makes one late look, and holds it against nobody.
 */
export class WatchedConnection {
  readonly #socket: Socket;
  #requests = 0;
  #state = NOTHING_UNDER_WAY;
  #inode?: string;
  /** No more bytes than these, in all, had been acknowledged at the look before. */
  #acknowledged = 0;
  /** Looks, one after the other, that found bytes waiting and none of them moved. */
  #standstillLooks = 0;
  #lastProgressAt = 0;
  #isWaiting = false;
  #isDoubtful = false;
  /** All that was given by then has arrived: there is nothing to look for until more is. */
  #settledAt = -1;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Whether somebody waits for an answer over it. */
  get isBusy(): boolean {
    return this.#requests > 0;
  }

  beginRequest(): void {
    this.#requests += 1;
    this.#isWaiting = false;
  }

  endRequest(): void {
    this.#requests -= 1;
  }

  /** Whether something may be under way to the peer. */
  get isUnsettled(): boolean {
    return this.isBusy && this.#handle !== undefined && this.#handle.bytesWritten !== this.#settledAt;
  }

  /** Whether the look before saw no progress: the next is to be as sharp as can be. */
  get isDoubtful(): boolean {
    return this.#isDoubtful;
  }

  /** By which the kernel's tables know it. */
  get inode(): string | undefined {
    return (this.#inode ??= this.#handle && inodeOf(this.#handle.fd));
  }

  /** So many bytes has the kernel taken. */
  get handedOver(): number {
    return this.#handle ? this.#handle.bytesWritten - this.#handle.writeQueueSize : 0;
  }

  /**
   * Takes note of what the kernel said. `handedOver` is from before it was asked: what has been written since may be in its answer or
   * not, and a look at which this makes the difference counts neither as progress nor as standstill.
   */
  look(handedOver: number, state: TcpState): void {
    if (!this.#handle) return;
    this.#state = state;
    const { unacknowledged } = state;
    const hasAllArrived = unacknowledged === 0 && this.#handle.writeQueueSize === 0;
    const [atLeast, atMost] = [handedOver - unacknowledged, this.handedOver - unacknowledged];
    if (unacknowledged === 0 && this.#handle.bytesWritten === handedOver) this.#settle(handedOver);
    else if (!this.#isWaiting || atLeast > this.#acknowledged || hasAllArrived) this.#progress(atMost);
    else this.#doubt(atMost);
  }

  /** What stands still, once so many looks have seen nothing move. */
  standstill(looks: number): Standstill | undefined {
    if (!this.isBusy || !this.#isWaiting || this.#standstillLooks < looks) return undefined;
    const { retransmits, probes } = this.#state;
    // A peer that has no room answers each probe: one may be under way.
    const by = retransmits > 0 || probes > 1 ? 'unacknowledged' : 'unread';
    return { by, ms: Math.round(performance.now() - this.#lastProgressAt) };
  }

  /** Ends the connection. Its responses close with it, and who waits on them is told as of any other disconnect. */
  cut(): void {
    this.#socket.destroy();
  }

  #settle(bytes: number): void {
    this.#settledAt = bytes;
    this.#isWaiting = false;
    this.#isDoubtful = false;
  }

  #progress(acknowledged: number): void {
    this.#isWaiting = true;
    this.#isDoubtful = false;
    this.#acknowledged = acknowledged;
    this.#standstillLooks = 0;
    this.#lastProgressAt = performance.now();
  }

  #doubt(acknowledged: number): void {
    this.#isDoubtful = true;
    if (acknowledged > this.#acknowledged) return;
    this.#acknowledged = acknowledged;
    this.#standstillLooks += 1;
  }

  get #handle(): Handle | undefined {
    return (this.#socket as Socket & { readonly _handle?: Handle | null })._handle ?? undefined;
  }
}
