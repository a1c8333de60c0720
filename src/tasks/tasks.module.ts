import { randomUUID } from 'node:crypto';
import { Global, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { APP_CONFIG, type AppConfig } from '../config/index.js';
import { LlmModule } from '../llm/index.js';
import { CancelBus, openBus } from './bus/index.js';
import { CancelsRepository } from './cancels.repository.js';
import { Cancels } from './cancels.service.js';
import { Endings } from './endings.js';
import { EventFeed, EventLog, EventWriter, openEventLog, TaskEventsRepository } from './events/index.js';
import { GracesRepository } from './graces.repository.js';
import { Attachments } from './attachments.service.js';
import { TaskStreams } from './task-streams.service.js';
import { TaskHistory } from './history.service.js';
import { LeasesRepository } from './leases.repository.js';
import { Leases } from './leases.service.js';
import { TaskCreation } from './task-creation.js';
import { LiveTasks } from './live-tasks.js';
import { ProjectsController } from './projects.controller.js';
import { Sweep } from './sweep.service.js';
import { TaskEnd } from './task-end.js';
import { TaskItems } from './task-items.js';
import { TaskItemsRepository } from './task-items.repository.js';
import { TaskNotices } from './task-notices.js';
import { TASK_SETTINGS, type TaskSettings } from './task-settings.js';
import { TasksController } from './tasks.controller.js';
import { TasksRepository } from './tasks.repository.js';
import { Tasks } from './tasks.service.js';

/** Redis where one is configured; else the database itself carries messages between instances; embedded, there is but one. */
function startBus({ redisUrl, database }: AppConfig): CancelBus {
  const kind = redisUrl !== undefined ? 'redis' : database.url !== undefined ? 'postgres' : 'in-process';
  const bus = openBus({ kind, redisUrl, databaseUrl: database.url });
  bus.start();
  return bus;
}

function openEvents({ redisUrl, events }: AppConfig, repository: TaskEventsRepository): EventLog {
  return openEventLog(redisUrl, repository, events);
}

/** Two processes are never the same instance, also where they are configured under one name. */
function toSettings({ tasks, instanceId }: AppConfig): TaskSettings {
  return { ...tasks, instanceId: `${instanceId}/${randomUUID().slice(0, 8)}` };
}

/** Durable tasks: run, find, cancel. */
@Global()
@Module({
  imports: [LlmModule],
  controllers: [TasksController, ProjectsController],
  providers: [
    { provide: TASK_SETTINGS, useFactory: toSettings, inject: [APP_CONFIG] },
    { provide: CancelBus, useFactory: startBus, inject: [APP_CONFIG] },
    Tasks,
    TaskEnd,
    TasksRepository,
    Cancels,
    CancelsRepository,
    LiveTasks,
    Leases,
    LeasesRepository,
    TaskCreation,
    Endings,
    TaskHistory,
    TaskNotices,
    TaskItems,
    TaskItemsRepository,
    Sweep,
    TaskEventsRepository,
    EventFeed,
    TaskStreams,
    Attachments,
    GracesRepository,
    { provide: EventLog, useFactory: openEvents, inject: [APP_CONFIG, TaskEventsRepository] },
    {
      provide: EventWriter,
      useFactory: (log: EventLog, context: AbortContext) => new EventWriter(log, context),
      inject: [EventLog, AbortContext],
    },
  ],
  exports: [
    Tasks,
    TaskItems,
    TaskItemsRepository,
    TaskHistory,
    Cancels,
    CancelBus,
    LiveTasks,
    TaskNotices,
    TaskStreams,
    EventLog,
    EventWriter,
  ],
})
export class TasksModule implements OnApplicationShutdown {
  constructor(
    @Inject(CancelBus) private readonly bus: CancelBus,
    @Inject(EventWriter) private readonly writer: EventWriter,
    @Inject(EventLog) private readonly events: EventLog,
  ) {}

  /** The bus after the events: it tells readers of the last ones. */
  async onApplicationShutdown(): Promise<void> {
    await this.writer.close();
    await this.events.close();
    await this.bus.close();
  }
}
