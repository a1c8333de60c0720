import { Logger } from '@nestjs/common';
import type { Pool } from 'pg';

const REPEAT_MS = 25;
const REPEAT_AFTER_FAILURE_MS = 500;

/** One query's claim on the canceller. */
export interface Cancellation {
  /** Resolves when the connection is safe again: no cancel for it is under way, and none will be sent. */
  settle(): Promise<void>;
}

interface Target {
  readonly pid: number;
}

/**
 * Cancels running statements by backend, over a connection of its own, and goes on until each has settled: a single
 * `pg_cancel_backend` falls into the gap before its statement has begun two or three times in a hundred. All that is to be
 * cancelled goes out in one statement at a time, so a thousand aborts at once cost the server one connection.
 */
export class BackendCanceller {
  readonly #logger = new Logger('Database');
  readonly #control: Pool;
  readonly #targets = new Set<Target>();
  #isRunning = false;
  #inFlight: Promise<unknown> = Promise.resolve();
  #isFailing = false;
  #wake?: () => void;

  constructor(control: Pool) {
    this.#control = control;
  }

  /** Cancels what backend `pid` runs, again and again until `settle` is called. */
  cancel(pid: number): Cancellation {
    const target: Target = { pid };
    this.#targets.add(target);
    if (!this.#isRunning) void this.#run();
    return {
      settle: async () => {
        this.#targets.delete(target);
        if (this.#targets.size === 0) this.#wake?.();
        await this.#inFlight;
      },
    };
  }

  /** Goes on until nothing is left to cancel. Never rejects. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    // One turn later, so that aborts of the same tick go out together.
    await Promise.resolve();
    while (this.#targets.size > 0) {
      const round = this.#cancelAll([...this.#targets]);
      this.#inFlight = round;
      const didSend = await round;
      if (this.#targets.size > 0) await this.#pause(didSend ? REPEAT_MS : REPEAT_AFTER_FAILURE_MS);
    }
    this.#isRunning = false;
  }

  /** Never rejects: what could not be sent is said once and tried again, and the statement timeout stands behind it. */
  async #cancelAll(targets: readonly Target[]): Promise<boolean> {
    try {
      await this.#control.query('select pg_cancel_backend(pid) from unnest($1::int[]) as pid', [targets.map(({ pid }) => pid)]);
      this.#isFailing = false;
      return true;
    } catch (error) {
      if (!this.#isFailing) this.#logger.warn({ err: error, msg: '[Database] Could not send a query cancel, trying again' });
      this.#isFailing = true;
      return false;
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
