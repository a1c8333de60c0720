import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { CancelsRepository } from './cancels.repository.js';
import { TASK_SETTINGS, type TaskSettings } from './task-settings.js';
import { SWEPT_AT_ONCE, TasksRepository } from './tasks.repository.js';

const EVERY_MS = 60_000;

/** Forgets marks that have expired, and tasks that ended longer ago than history is kept. In batches: nothing waits behind it. */
@Injectable()
export class Sweep implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('Tasks');
  #timer?: NodeJS.Timeout;
  #underWay: Promise<void> = Promise.resolve();
  #isOver = false;

  constructor(
    @Inject(TASK_SETTINGS) private readonly settings: TaskSettings,
    private readonly context: AbortContext,
    private readonly cancels: CancelsRepository,
    private readonly tasks: TasksRepository,
  ) {}

  onApplicationBootstrap(): void {
    this.#timer = setInterval(() => {
      this.#underWay = this.run();
    }, EVERY_MS).unref();
  }

  async onApplicationShutdown(): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#timer);
    await this.#underWay;
  }

  /** One sweep, now. Never rejects: what could not be forgotten is tried again with the next. */
  async run(): Promise<void> {
    try {
      await this.context.detached('sweep: marks and history', async () => {
        await this.cancels.forgetMarks();
        while (!this.#isOver && (await this.tasks.forget(this.settings.retentionDays)) === SWEPT_AT_ONCE);
      });
    } catch (error) {
      this.#logger.warn({ err: error, msg: '[Tasks] A sweep of history failed' });
    }
  }
}
