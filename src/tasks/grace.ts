import { performance } from 'node:perf_hooks';
import { Logger } from '@nestjs/common';
import { AbortContext, ClientDisconnectedError, wait } from '../abort/index.js';
import type { GracesRepository } from './graces.repository.js';
import type { Claim } from './task.js';

/** The database may be out of reach: so often it is tried. */
const RETRY_MS = 250;

/** What a grace needs to know of the instance that it runs on. */
export interface GraceTerms {
  readonly instanceId: string;
  readonly ms: number;
  readonly context: AbortContext;
  readonly rows: GracesRepository;
}

/** The time that a task goes on without a client, on the instance that works on it. */
export class Grace implements Disposable {
  readonly #logger = new Logger('Tasks');
  readonly #claim: Claim;
  readonly #terms: GraceTerms;
  readonly #abort: (reason: ClientDisconnectedError) => void;
  /** Ends the waiting for a client. */
  #waiting?: AbortController;
  /** What is written about it is written in order. */
  #written: Promise<unknown> = Promise.resolve();

  constructor(claim: Claim, terms: GraceTerms, abort: (reason: ClientDisconnectedError) => void) {
    this.#claim = claim;
    this.#terms = terms;
    this.#abort = abort;
  }

  get ms(): number {
    return this.#terms.ms;
  }

  /** The last client here has gone: unless one comes back, here or elsewhere, the task is aborted when the time is up. */
  begin(): void {
    if (this.#waiting) return;
    this.#waiting = new AbortController();
    const { signal } = this.#waiting;
    void this.#inOrder('without a client', () => this.#await(signal));
  }

  /** A client is here again. */
  stop(): void {
    if (!this.#waiting) return;
    this.#giveUp();
    void this.#inOrder('with a client again', () => this.#terms.rows.stop(this.#claim, this.#terms.instanceId));
  }

  [Symbol.dispose](): void {
    this.#giveUp();
  }

  #giveUp(): void {
    this.#waiting?.abort(OVER);
    this.#waiting = undefined;
  }

  async #await(signal: AbortSignal): Promise<void> {
    const { rows, instanceId, ms } = this.#terms;
    const endsAt = performance.now() + ms;
    const hasBegun = await this.#untilWritten(signal, () => rows.begin(this.#claim, instanceId, Math.max(0, endsAt - performance.now())));
    for (let leftMs = endsAt - performance.now(); hasBegun;) {
      await wait(Math.max(0, leftMs), signal);
      const end = await this.#untilWritten(signal, () => rows.end(this.#claim, instanceId, ms));
      if (!end) return;
      if (end.isOver) this.#abort(new ClientDisconnectedError(`The client did not come back within ${ms} ms.`));
      if (end.isOver) return;
      leftMs = end.leftMs;
    }
  }

  async #untilWritten<T>(signal: AbortSignal, write: () => Promise<T>): Promise<T> {
    for (;;) {
      signal.throwIfAborted();
      try {
        return await write();
      } catch (error) {
        this.#logger.warn({ err: error, msg: `[Tasks] The grace of task ${this.#claim.id} could not be written`, task_id: this.#claim.id });
        await wait(RETRY_MS, signal);
      }
    }
  }

  /** Never rejects. On behalf of nobody: it is the client that is not there. */
  async #inOrder(what: string, work: () => Promise<unknown>): Promise<void> {
    const before = this.#written;
    const run = async (): Promise<void> => {
      await before;
      await this.#terms.context.detached(`the grace of a task ${what}`, work);
    };
    this.#written = run().catch((error: unknown) => {
      if (error === OVER) return;
      this.#logger.warn({ err: error, msg: `[Tasks] The grace of task ${this.#claim.id} could not be kept`, task_id: this.#claim.id });
    });
    await this.#written;
  }
}

/** Somebody came back, or the task has ended. */
const OVER = Symbol('OVER');
