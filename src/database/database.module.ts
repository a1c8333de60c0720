import { Global, Inject, Logger, Module, type DynamicModule, type OnApplicationShutdown } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { APP_CONFIG, type AppConfig } from '../config/index.js';
import { BackendCanceller } from './backend-canceller.js';
import { connect } from './connect.js';
import { Database, HeartbeatDatabase, ReservedDatabase } from './database.js';
import { loadSampleBook } from './load-sample-book.js';
import { migrate } from './migrate.js';
import { QueryObserver, SilentQueryObserver } from './query-observer.js';
import { mandarinCourse } from './sample/mandarin-course.js';

/** Both views of one connection, and how it is closed. */
interface Open {
  readonly database: Database;
  readonly reserved: ReservedDatabase;
  readonly heartbeat: HeartbeatDatabase;
}

const OPEN = Symbol('OpenDatabase');

async function openDatabase(config: AppConfig, context: AbortContext, observer: QueryObserver): Promise<Open> {
  const logger = new Logger('Database');
  const onIdleError = (error: Error): void => logger.warn({ err: error, msg: '[Database] A connection was lost' });
  const connection = await connect(config, onIdleError);
  const canceller = connection.control && new BackendCanceller(connection.control);
  const statementTimeoutMs = connection.kind === 'postgres' ? config.database.statementTimeoutMs : undefined;
  const gateway = { context, canceller, observer, statementTimeoutMs };
  const database = new Database(connection, gateway);
  try {
    await context.detached('bringing the schema and the sample content up to date', async () => {
      await migrate(database);
      await loadSampleBook(database, mandarinCourse);
    });
  } catch (error) {
    await connection.close();
    throw error;
  }
  return { database, reserved: new ReservedDatabase(connection, gateway), heartbeat: new HeartbeatDatabase(connection, gateway) };
}

/** One database for the whole app, opened, migrated and holding the sample book before anything else starts. */
@Global()
@Module({})
export class DatabaseModule implements OnApplicationShutdown {
  static forRoot(observer: QueryObserver = new SilentQueryObserver()): DynamicModule {
    return {
      module: DatabaseModule,
      providers: [
        { provide: QueryObserver, useValue: observer },
        { provide: OPEN, useFactory: openDatabase, inject: [APP_CONFIG, AbortContext, QueryObserver] },
        { provide: Database, useFactory: ({ database }: Open) => database, inject: [OPEN] },
        { provide: ReservedDatabase, useFactory: ({ reserved }: Open) => reserved, inject: [OPEN] },
        { provide: HeartbeatDatabase, useFactory: ({ heartbeat }: Open) => heartbeat, inject: [OPEN] },
      ],
      exports: [Database, ReservedDatabase, HeartbeatDatabase],
    };
  }

  constructor(@Inject(Database) private readonly database: Database) {}

  /** After the work has been drained and the server has stopped listening. */
  async onApplicationShutdown(): Promise<void> {
    await this.database.source.close();
  }
}
