import type { Answer, Expected } from './answers.js';
import type { Call } from './call.js';
import { ConnectionLostError, type CancelledError } from './errors.js';
import { isEnd, isLater, lossOf, toRawEvent, type RawEvent } from './events.js';
import { readEvents, type Silence } from './read-events.js';
import type { Retries } from './retries.js';

/** Where a stream comes from, and comes from again after its connection broke. */
export interface StreamSource {
  readonly call: Call;
  readonly retries: Retries;
  /** A stream is taken for broken after so much silence. */
  readonly silenceMs: number;
  /** Asks for what comes after the last event that was heard; `isKnown` once the server has answered. `undefined` where nothing comes any more. */
  open(after: string | undefined, isKnown: boolean): Promise<{ readonly answer: Answer; readonly expected: Expected } | undefined>;
}

interface Waiting<E> {
  readonly resolve: (result: IteratorResult<E, undefined>) => void;
  readonly reject: (error: unknown) => void;
}

/** What is still read after the end, so that the connection can be used again. */
const AFTER_THE_END_MS = 1000;

/**
 * What a task tells, as it tells it; the last is `task-end`. Nothing is asked before the first event is wanted. A connection that breaks
 * is made again, and the stream goes on behind the last event that was heard: none is missing, none comes twice. Leaving it, by `break`,
 * `return`, an error or the signal, leaves the task too.
 */
export class TaskStream<E> implements AsyncIterableIterator<E, undefined> {
  readonly #source: StreamSource;
  readonly #waiting = new Set<Waiting<E>>();
  #events: AsyncGenerator<RawEvent, undefined> | undefined;
  #isOver = false;
  #unheard: CancelledError | undefined;

  constructor(source: StreamSource) {
    this.#source = source;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Rejects with `CancelledError` at once when the signal aborts. */
  next(): Promise<IteratorResult<E, undefined>> {
    return new Promise((resolve, reject) => {
      const waiting = { resolve, reject };
      if (this.#isOver) this.#endFor(waiting);
      else this.#pull(waiting);
    });
  }

  /** Leaves the stream, and cancels its task unless it has ended. Resolves when the connection is closed. */
  async return(): Promise<IteratorResult<E, undefined>> {
    const isIdle = this.#waiting.size === 0;
    this.#settle((waiting) => waiting.resolve({ done: true, value: undefined }));
    this.#source.call.stop();
    this.#source.call.end();
    this.#unheard = undefined;
    const closed = this.#events?.return(undefined);
    // Whoever still waits for an answer may wait for one that never comes; what it says then is nobody's.
    if (isIdle) await closed;
    else closed?.catch(() => undefined);
    return { done: true, value: undefined };
  }

  #pull(waiting: Waiting<E>): void {
    this.#waiting.add(waiting);
    try {
      this.#events ??= this.#begin();
    } catch (error) {
      this.#settle((each) => each.reject(error));
      return;
    }
    this.#events.next().then(
      (result) => this.#answer(waiting, result as IteratorResult<E, undefined>),
      (error: unknown) => this.#settle((each) => each.reject(error)),
    );
  }

  #answer(waiting: Waiting<E>, result: IteratorResult<E, undefined>): void {
    if (!this.#waiting.delete(waiting)) return;
    if (result.done) this.#isOver = true;
    waiting.resolve(result);
  }

  #begin(): AsyncGenerator<RawEvent, undefined> {
    this.#source.call.begin((error) => this.#stop(error));
    return this.#listen();
  }

  /** Whoever waits is told at once; where nobody does, whoever comes next. */
  #stop(error: CancelledError): void {
    if (this.#waiting.size === 0) this.#unheard = error;
    this.#settle((waiting) => waiting.reject(error));
    this.#events?.return(undefined).catch(() => undefined);
  }

  #endFor({ resolve, reject }: Waiting<E>): void {
    const error = this.#unheard;
    this.#unheard = undefined;
    if (error) reject(error);
    else resolve({ done: true, value: undefined });
  }

  #settle(settle: (waiting: Waiting<E>) => void): void {
    this.#isOver = true;
    for (const waiting of this.#waiting) settle(waiting);
    this.#waiting.clear();
  }

  async *#listen(): AsyncGenerator<RawEvent, undefined> {
    const heard = new Heard(this.#source.silenceMs);
    try {
      while (!heard.isOver) yield* this.#connection(heard);
    } finally {
      this.#source.call.end();
    }
  }

  /** What one connection has to say. Throws where no other shall be made. */
  async *#connection(heard: Heard): AsyncGenerator<RawEvent, void> {
    const begun = performance.now();
    try {
      const opened = await this.#source.open(heard.last, heard.isKnown);
      heard.isKnown = true;
      if (!opened) heard.isOver = true;
      else yield* this.#eventsOf(opened, heard);
    } catch (failure) {
      if (heard.loss) throw heard.loss;
      if (!heard.isOver) await this.#source.retries.after(failure, performance.now() - begun);
    }
  }

  async *#eventsOf({ answer, expected }: { answer: Answer; expected: Expected }, heard: Heard): AsyncGenerator<RawEvent, void> {
    for await (const piece of readEvents(answer, expected, heard.silence)) {
      const events = piece.map(toRawEvent).filter(({ id }) => heard.isNew(id));
      // A connection over which nothing new ever comes is none.
      if (events.length > 0) this.#source.retries.contact();
      const end = events.find(isEnd);
      if (end) this.#hearEnd(end, heard);
      yield* events;
    }
    const { url, taskId } = expected;
    if (!heard.isOver) throw new ConnectionLostError(`The stream of ${url} broke off.`, { taskId });
  }

  #hearEnd(end: RawEvent, heard: Heard): void {
    heard.isOver = true;
    heard.silence.ms = AFTER_THE_END_MS;
    this.#source.call.end();
    heard.loss = lossOf(end);
    if (heard.loss) throw heard.loss;
  }
}

/** How far a stream has come, over all of its connections. */
class Heard {
  last: string | undefined;
  isKnown = false;
  isOver = false;
  loss: Error | undefined;
  readonly silence: Silence;

  constructor(silenceMs: number) {
    this.silence = { ms: silenceMs };
  }

  isNew(id: string): boolean {
    if (!isLater(id, this.last)) return false;
    this.last = id;
    return true;
  }
}
