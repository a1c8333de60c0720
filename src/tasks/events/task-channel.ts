import { performance } from 'node:perf_hooks';
import type { Claim } from '../task.js';
import type { EventWriter } from './event-writer.js';
import { isAfter, isNext, type EventPosition, type TaskEvent } from './task-event.js';

/** So many events are kept for readers on this instance; older ones are in the log. */
const KEPT = 256;
/** Work that keeps pace with its reader is so many events ahead at the most. */
const MOST_AHEAD = 16;

const BEGINNING: EventPosition = { attempt: 1, sequence: 0 };

/** Whom the work keeps pace with. */
export interface Pacer {
  /** How many events of the attempt it has taken. */
  readonly taken: number;
}

/** What one attempt of a task tells, on the instance that works on it. Nothing is told before it is opened. */
export class TaskChannel {
  readonly #claim: Claim;
  readonly #writer: EventWriter;
  readonly #opening = Promise.withResolvers<undefined>();
  readonly #listeners = new Set<() => void>();
  #kept: TaskEvent[] = [];
  #told = 0;
  #isOpen = false;
  #isClosed = false;
  /** The first of them sets the pace. */
  readonly #pacers = new Set<Pacer>();
  #onRoom = noop;
  #followedUntil = 0;

  constructor(claim: Claim, writer: EventWriter) {
    this.#claim = claim;
    this.#writer = writer;
  }

  get attempt(): number {
    return this.#claim.attempt;
  }

  /** How many events there are. */
  get told(): number {
    return this.#told;
  }

  /** Resolves once it is open. */
  get opened(): Promise<void> {
    return this.#opening.promise;
  }

  /** The first event. Once: what is said again is not told again. */
  open(data: object): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.tell('task-start', data);
    this.#opening.resolve(undefined);
  }

  /** Tells an event to whoever reads. Before it is open, and once the end has been decided, nobody is told. */
  tell(type: string, data: object): void {
    if (!this.#isOpen || this.#isClosed) return;
    this.#told += 1;
    const event = { attempt: this.attempt, sequence: this.#told, type, data: JSON.stringify(data) };
    this.#keep(event);
    this.#writer.add(this.#claim, event);
    for (const listener of this.#listeners) listener();
  }

  /** Nothing is told any more; how many were is final. */
  close(): void {
    this.#isClosed = true;
  }

  /** Nobody works on it here any more: whoever reads is to look how it has ended. */
  finish(): void {
    for (const listener of this.#listeners) listener();
  }

  /** What is kept here after a position, if nothing is missing in between; `undefined` where the log has to be asked. */
  since(position: EventPosition | undefined): readonly TaskEvent[] | undefined {
    const from = position ?? BEGINNING;
    if (from.attempt !== this.attempt) return undefined;
    const later = this.rest(from);
    const [first] = later;
    return !first || isNext(first, from) ? later : undefined;
  }

  /** All that is kept here after a position. */
  rest(position: EventPosition | undefined): readonly TaskEvent[] {
    return this.#kept.filter((event) => isAfter(event, position));
  }

  /** Called whenever something has been told. Returns what ends that. */
  onTold(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Somebody reads on another instance, for so many milliseconds more at least. */
  followElsewhere(ms: number): void {
    this.#followedUntil = performance.now() + ms;
  }

  get isFollowedElsewhere(): boolean {
    return this.#followedUntil > performance.now();
  }

  /** The work goes no faster than this reader, once no other sets the pace; returns what lets it go. */
  keepPaceWith(pacer: Pacer): () => void {
    this.#pacers.add(pacer);
    return () => {
      this.#pacers.delete(pacer);
      this.hasRoom();
    };
  }

  /** To be called when the reader that sets the pace has taken something. */
  hasRoom(): void {
    if (!this.#isFull) this.#onRoom();
  }

  /** Resolves when the reader that sets the pace is near; at once without one. Rejects with the reason of `signal`. One at a time. */
  async paced(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (!this.#isFull) return;
    const { promise, resolve, reject } = Promise.withResolvers<undefined>();
    const onAbort = (): void => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    this.#onRoom = () => resolve(undefined);
    try {
      await promise;
    } finally {
      signal.removeEventListener('abort', onAbort);
      this.#onRoom = noop;
    }
  }

  get #isFull(): boolean {
    const [pacer] = this.#pacers;
    return pacer !== undefined && this.#told - pacer.taken >= MOST_AHEAD;
  }

  /** In leaps, so that it costs next to nothing. */
  #keep(event: TaskEvent): void {
    this.#kept.push(event);
    if (this.#kept.length >= 2 * KEPT) this.#kept = this.#kept.slice(-KEPT);
  }
}

function noop(): void {
  // Nobody waits.
}
