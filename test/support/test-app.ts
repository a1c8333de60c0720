import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApp } from '../../src/app.setup.js';
import { TokenVerifier } from '../../src/auth/index.js';
import { loadConfig } from '../../src/config/index.js';
import { SocketClient, ScriptedModelServer } from '../../src/testing/index.js';
import { createScratchDatabase, runsPostgres, type Backend, type ScratchDatabase } from './backends.js';
import { createEmbeddedDirectory, type EmbeddedDirectory } from './embedded.js';
import { logs, type LogCapture } from './log-capture.js';
import { QueryJournal } from './query-journal.js';
import { createStartedDatabase, createStartedDirectory, type FirstStart, type Where } from './started-databases.js';

export interface TestApp {
  readonly app: NestFastifyApplication;
  readonly url: string;
  readonly model: ScriptedModelServer;
  readonly logs: LogCapture;
  readonly queries: QueryJournal;
  readonly databaseUrl: string | undefined;
  /** What the app was started with: for programs that are to stand beside it. */
  readonly env: Readonly<Record<string, string>>;
  /** A client with a token of its own for this user. */
  client(user?: string, options?: { scope?: string }): Promise<SocketClient>;
  /** Forgets what was logged, asked and queried, and all scripts. */
  reset(): void;
  close(): Promise<void>;
}

export interface TestAppOptions {
  /** PostgreSQL where it is there, unless said otherwise: it starts in a fraction of the time. */
  readonly backend?: Backend;
  /** On an empty database, so that this app migrates it, and its model is asked for whatever that takes. */
  readonly isFirstStart?: boolean;
  /** One instance more beside this app: on its database, and with its model. */
  readonly beside?: TestApp;
  readonly env?: Readonly<Record<string, string>>;
  readonly http2?: boolean;
  /** The address of this machine to listen on. */
  readonly host?: string;
  /** Told of the app before it starts. */
  readonly prepare?: (app: NestFastifyApplication) => void;
}

/** The whole app on a free port: a real database, and the real OpenAI client against a scripted model server. */
export async function startTestApp(options: TestAppOptions = {}): Promise<TestApp> {
  const {
    backend = runsPostgres ? 'postgres' : 'embedded',
    isFirstStart = false,
    beside,
    env = {},
    http2,
    host = '127.0.0.1',
    prepare,
  } = options;
  const { model, databaseUrl, dataDir, release } = beside ? sharedWith(beside) : await surroundings(backend, isFirstStart);
  const queries = new QueryJournal();
  const all = { ...environment(model, { databaseUrl, dataDir }), ...env };
  const config = loadConfig(all);
  const app = await createApp(config, { http2, logDestination: logs, queryObserver: queries });
  prepare?.(app);
  await app.listen(0, host);
  const url = `http://${host}:${(app.getHttpServer().address() as AddressInfo).port}`;
  model.reset();
  queries.clear();
  logs.clear();
  const clients: SocketClient[] = [];
  return {
    app,
    url,
    model,
    logs,
    queries,
    databaseUrl,
    env: all,
    client: async (user = 'learner', options) => {
      const token = await app.get(TokenVerifier).issue(user, options);
      const client = new SocketClient(url, { authorization: `Bearer ${token}` });
      clients.push(client);
      return client;
    },
    reset: () => {
      model.reset();
      logs.clear();
      queries.clear();
    },
    close: async () => {
      for (const client of clients) client.close();
      await app.close();
      await release();
    },
  };
}

/** What an app needs around it. */
interface Surroundings {
  readonly model: ScriptedModelServer;
  readonly databaseUrl: string | undefined;
  readonly dataDir: string | undefined;
  release(): Promise<void>;
}

async function surroundings(backend: Backend, isFirstStart: boolean): Promise<Surroundings> {
  const model = await ScriptedModelServer.start();
  const firstStart = isFirstStart ? undefined : (where: Where): Promise<void> => startOnce(environment(model, where));
  const scratch = backend === 'postgres' ? await databaseFor(firstStart) : undefined;
  const embedded = backend === 'embedded' ? await directoryFor(firstStart) : undefined;
  const release = async (): Promise<void> => {
    await model.stop();
    await scratch?.drop();
    await embedded?.remove();
  };
  return { model, databaseUrl: scratch?.url, dataDir: embedded?.dataDir, release };
}

function databaseFor(firstStart: FirstStart | undefined): Promise<ScratchDatabase> {
  return firstStart ? createStartedDatabase(firstStart) : createScratchDatabase();
}

function directoryFor(firstStart: FirstStart | undefined): Promise<EmbeddedDirectory> {
  return firstStart ? createStartedDirectory(firstStart) : createEmbeddedDirectory();
}

/** Released by the app that they are of, which is to be closed last. */
function sharedWith({ model, databaseUrl }: TestApp): Surroundings {
  if (databaseUrl === undefined) throw new Error('Only instances on PostgreSQL can share a database.');
  return { model, databaseUrl, dataDir: undefined, release: () => Promise.resolve() };
}

async function startOnce(env: Readonly<Record<string, string>>): Promise<void> {
  const app = await createApp(loadConfig(env), { logDestination: logs });
  await app.init();
  await app.close();
}

function environment(model: ScriptedModelServer, { databaseUrl, dataDir }: Where): Record<string, string> {
  return {
    JWT_SECRET: 'a secret for tests that is long enough',
    OPENAI_API_KEY: 'sk-test-0123456789abcdef',
    OPENAI_BASE_URL: model.baseUrl,
    LOG_LEVEL: 'debug',
    ...(dataDir !== undefined && { DATA_DIR: dataDir }),
    ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
  };
}
