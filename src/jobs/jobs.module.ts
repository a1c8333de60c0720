import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Database } from '../database/index.js';
import { TaskQueue } from '../tasks/index.js';
import { JobsController } from './jobs.controller.js';
import { JobsRepository } from './jobs.repository.js';
import { Jobs } from './jobs.service.js';
import { PgBossQueue } from './pg-boss-queue.js';
import { Strays } from './strays.service.js';

async function startQueue(database: Database): Promise<PgBossQueue> {
  const queue = new PgBossQueue(database);
  await queue.start();
  return queue;
}

/** Work in the background, on pg-boss. */
@Global()
@Module({
  controllers: [JobsController],
  providers: [
    { provide: PgBossQueue, useFactory: startQueue, inject: [Database] },
    { provide: TaskQueue, useExisting: PgBossQueue },
    Jobs,
    JobsRepository,
    Strays,
  ],
  exports: [Jobs, TaskQueue, PgBossQueue],
})
export class JobsModule implements OnApplicationShutdown {
  constructor(@Inject(PgBossQueue) private readonly queue: PgBossQueue) {}

  async onApplicationShutdown(): Promise<void> {
    await this.queue.stop();
  }
}
