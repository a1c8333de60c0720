import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import type { AbortContext } from '../abort/index.js';

const MINUTE_MS = 60_000;

/** How a sweep speaks of itself. */
export interface SweepWords {
  /** The place in brackets that its log lines begin with. */
  readonly place: string;
  /** What is swept, for the log line of a sweep that failed and for whoever asks why nothing aborts it. */
  readonly what: string;
  /** From one to the next, a minute if left out. */
  readonly everyMs?: number;
}

/**
 * What is done again and again on behalf of nobody, on every instance, as removing what is no longer needed. One at a time. What fails is a
 * warning, and tried again with the next. The application ends only after the one under way, which is to look at `isOver` between batches.
 */
export abstract class PeriodicSweep implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger: Logger;
  #timer?: NodeJS.Timeout;
  #underWay?: Promise<void>;
  #isOver = false;

  constructor(
    protected readonly context: AbortContext,
    private readonly words: SweepWords,
  ) {
    this.#logger = new Logger(words.place);
  }

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.run(), this.words.everyMs ?? MINUTE_MS).unref();
  }

  async onApplicationShutdown(): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#timer);
    await this.#underWay;
  }

  /** One sweep, now; joins the one under way. Never rejects. */
  async run(): Promise<void> {
    await (this.#underWay ??= this.#once().finally(() => (this.#underWay = undefined)));
  }

  protected get isOver(): boolean {
    return this.#isOver;
  }

  protected abstract sweep(): Promise<void>;

  async #once(): Promise<void> {
    const { place, what } = this.words;
    try {
      await this.context.detached(`sweep: ${what}`, () => this.sweep());
    } catch (error) {
      this.#logger.warn({ err: error, msg: `[${place}] A sweep of ${what} failed` });
    }
  }
}
