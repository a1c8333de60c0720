import { Inject, Injectable, Logger, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { APP_CONFIG, type AppConfig } from '../config/index.js';
import { JobsRepository } from './jobs.repository.js';
import { PgBossQueue } from './pg-boss-queue.js';

/**
 * Finds deliveries that somebody has fetched and nobody works on: their workers vanished before the task began, or could not say that
 * it had ended. The one of a task that waits is delivered anew, any other is taken away, so that it no longer counts against its user.
 */
@Injectable()
export class Strays implements OnApplicationBootstrap, BeforeApplicationShutdown {
  readonly #logger = new Logger('Jobs');
  readonly #leaseMs: number;
  #timer?: NodeJS.Timeout;
  #underWay?: Promise<void>;

  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    private readonly context: AbortContext,
    private readonly rows: JobsRepository,
    private readonly queue: PgBossQueue,
  ) {
    this.#leaseMs = config.tasks.leaseMs;
  }

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => void this.look(), this.#leaseMs);
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.#underWay;
  }

  /** One look, now; joins the one under way. Never rejects: what could not be settled is found again by the next. */
  async look(): Promise<void> {
    await (this.#underWay ??= this.#settle().finally(() => (this.#underWay = undefined)));
  }

  async #settle(): Promise<void> {
    try {
      await this.context.detached('deliveries that nobody works on', () => this.#settleAll());
    } catch (error) {
      this.#logger.warn({ err: error, msg: '[Jobs] Deliveries that nobody works on could not be settled' });
    }
  }

  async #settleAll(): Promise<void> {
    const settled = await this.rows.inTransaction(async (tx) => {
      const strays = await this.rows.strays(tx, this.queue.kinds, this.#leaseMs);
      for (const { kind, delivery, task } of strays) await this.queue.settle(tx, kind, delivery, task ?? undefined);
      return strays;
    });
    for (const { kind, task } of settled) {
      if (task) this.#logger.warn({ msg: `[Jobs] Task ${task.id} is delivered again: nobody began it`, task_id: task.id, kind });
    }
  }
}
