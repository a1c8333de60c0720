import { Module, type DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { LoggerModule } from 'nestjs-pino';
import type { DestinationStream } from 'pino';
import { AbortModule } from './abort/index.js';
import { AnalysesModule } from './analyses/index.js';
import { Drain } from './app.drain.js';
import { loggerOptions } from './app.logger.js';
import { OpenRequests } from './app.requests.js';
import { AuthModule } from './auth/index.js';
import { ChatModule } from './chat/index.js';
import { ConfigModule, type AppConfig } from './config/index.js';
import { ConsoleModule } from './console/index.js';
import { DatabaseModule, type QueryObserver } from './database/index.js';
import { JobsModule } from './jobs/index.js';
import { DocumentsModule } from './documents/index.js';
import { HealthModule } from './health/index.js';
import { MetricsModule } from './metrics/index.js';
import { ProblemFilter } from './problems/index.js';
import { QuizzesModule } from './quizzes/index.js';
import { TasksModule } from './tasks/index.js';
import { UsageModule } from './usage/index.js';

/** Where an embedding program can look in. */
export interface AppSeams {
  /** Where log lines go instead of standard output. */
  readonly logDestination?: DestinationStream;
  /** Told of every SQL statement. */
  readonly queryObserver?: QueryObserver;
}

/** Below this a phone on a bad network, which is there, could not be told from one that is not. */
const SHORTEST_ABSENCE_MS = 3000;

/**
 * Where the modules meet. Filters answer in reverse order: the one for everything comes first, so that it is asked last. Nest shuts
 * modules down from the root to what they import, and global ones in the reverse order of this list: so the drain comes first of all,
 * and the database, which tasks write their ends to, after them.
 */
@Module({})
export class AppModule {
  static forRoot(config: AppConfig, { logDestination, queryObserver }: AppSeams = {}): DynamicModule {
    const { zombieAfterMs, shieldTimeoutMs, onDisconnect } = config.abort;
    return {
      module: AppModule,
      imports: [
        ConfigModule.forRoot(config),
        LoggerModule.forRoot(loggerOptions(config, logDestination)),
        AbortModule.forRoot({
          zombieAfterMs,
          shieldTimeoutMs,
          abortOnDisconnect: onDisconnect === 'abort',
          vanishedAfterMs: Math.max(3 * config.http.heartbeatMs, SHORTEST_ABSENCE_MS),
        }),
        DatabaseModule.forRoot(queryObserver),
        AuthModule,
        HealthModule,
        MetricsModule,
        TasksModule,
        JobsModule,
        QuizzesModule,
        ChatModule,
        AnalysesModule,
        DocumentsModule,
        UsageModule,
        ConsoleModule,
      ],
      providers: [{ provide: APP_FILTER, useClass: ProblemFilter }, OpenRequests, Drain],
    };
  }
}
