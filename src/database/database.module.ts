import { Global, Inject, Logger, Module, type DynamicModule, type OnModuleDestroy } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { APP_CONFIG, type AppConfig } from '../config/index.js';
import { BackendCanceller } from './backend-canceller.js';
import { connect } from './connect.js';
import { Database } from './database.js';
import { loadSampleBook } from './load-sample-book.js';
import { migrate } from './migrate.js';
import { QueryObserver, SilentQueryObserver } from './query-observer.js';
import { mandarinCourse } from './sample/mandarin-course.js';

async function openDatabase(config: AppConfig, context: AbortContext, observer: QueryObserver): Promise<Database> {
  const logger = new Logger('Database');
  const onIdleError = (error: Error): void => logger.warn({ err: error, msg: '[Database] A connection was lost' });
  const connection = await connect(config, onIdleError);
  const canceller = connection.control && new BackendCanceller(connection.control);
  const database = new Database(connection, { context, canceller, observer });
  try {
    await context.detached('bringing the schema and the sample content up to date', async () => {
      await migrate(database);
      await loadSampleBook(database, mandarinCourse);
    });
  } catch (error) {
    await connection.close();
    throw error;
  }
  return database;
}

/** One database for the whole app, opened, migrated and holding the sample book before anything else starts. */
@Global()
@Module({})
export class DatabaseModule implements OnModuleDestroy {
  static forRoot(observer: QueryObserver = new SilentQueryObserver()): DynamicModule {
    return {
      module: DatabaseModule,
      providers: [
        { provide: QueryObserver, useValue: observer },
        { provide: Database, useFactory: openDatabase, inject: [APP_CONFIG, AbortContext, QueryObserver] },
      ],
      exports: [Database],
    };
  }

  constructor(@Inject(Database) private readonly database: Database) {}

  async onModuleDestroy(): Promise<void> {
    await this.database.source.close();
  }
}
