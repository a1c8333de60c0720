import type { AddressInfo } from 'node:net';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createApp } from '../../src/app.setup.js';
import { TokenVerifier } from '../../src/auth/index.js';
import { loadConfig } from '../../src/config/index.js';
import { HangupClient, ScriptedModelServer } from '../../src/testing/index.js';
import { createScratchDatabase, type Backend, type ScratchDatabase } from './backends.js';
import { createEmbeddedDirectory, type EmbeddedDirectory } from './embedded.js';
import { logs, type LogCapture } from './log-capture.js';
import { QueryJournal } from './query-journal.js';

export interface TestApp {
  readonly app: NestFastifyApplication;
  readonly url: string;
  readonly model: ScriptedModelServer;
  readonly logs: LogCapture;
  readonly queries: QueryJournal;
  readonly databaseUrl: string | undefined;
  /** A client with a token of its own for this user. */
  client(user?: string, options?: { scope?: string }): Promise<HangupClient>;
  /** Forgets what was logged, asked and queried, and all scripts. */
  reset(): void;
  close(): Promise<void>;
}

export interface TestAppOptions {
  readonly backend?: Backend;
  readonly env?: Readonly<Record<string, string>>;
  readonly http2?: boolean;
}

/** The whole app on a free port: a real database, and the real OpenAI client against a scripted model server. */
export async function startTestApp({ backend = 'embedded', env = {}, http2 }: TestAppOptions = {}): Promise<TestApp> {
  const model = await ScriptedModelServer.start();
  const scratch = backend === 'postgres' ? await createScratchDatabase() : undefined;
  const embedded = backend === 'embedded' ? await createEmbeddedDirectory() : undefined;
  const queries = new QueryJournal();
  const config = loadConfig({ ...environment(model, scratch, embedded), ...env });
  const app = await createApp(config, { http2, logDestination: logs, queryObserver: queries });
  await app.listen(0, '127.0.0.1');
  const url = `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  model.reset();
  queries.clear();
  logs.clear();
  const clients: HangupClient[] = [];
  return {
    app,
    url,
    model,
    logs,
    queries,
    databaseUrl: scratch?.url,
    client: async (user = 'learner', options) => {
      const token = await app.get(TokenVerifier).issue(user, options);
      const client = new HangupClient(url, { authorization: `Bearer ${token}` });
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
      await model.stop();
      await scratch?.drop();
      await embedded?.remove();
    },
  };
}

function environment(model: ScriptedModelServer, scratch?: ScratchDatabase, embedded?: EmbeddedDirectory): Record<string, string> {
  return {
    JWT_SECRET: 'a secret for tests that is long enough',
    OPENAI_API_KEY: 'sk-test-0123456789abcdef',
    OPENAI_BASE_URL: model.baseUrl,
    LOG_LEVEL: 'debug',
    ...(embedded && { DATA_DIR: embedded.dataDir }),
    ...(scratch && { DATABASE_URL: scratch.url }),
  };
}
