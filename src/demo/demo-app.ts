import { performance } from 'node:perf_hooks';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { AbortContext } from '../abort/index.js';
import { createApp } from '../app.setup.js';
import { TokenVerifier } from '../auth/index.js';
import { loadConfig } from '../config/index.js';
import { Database } from '../database/index.js';
import { SocketClient } from '../testing/index.js';
import { LedgerRepository } from './ledger.repository.js';
import { LogTap } from './log-tap.js';
import { WireTap } from './wire-tap.js';

/** Nothing from the caller's environment: no key is spent and no database is touched. */
const ENVIRONMENT = { DATA_DIR: 'memory://', LOG_LEVEL: 'info' };

/** The whole app on a free port, with everything that the story wants to look at. */
export class DemoApp implements AsyncDisposable {
  readonly ledger: LedgerRepository;
  readonly #clients: SocketClient[] = [];

  private constructor(
    readonly app: NestFastifyApplication,
    readonly logs: LogTap,
    readonly wire: WireTap,
    readonly startedInMs: number,
  ) {
    this.ledger = new LedgerRepository(app.get(Database), app.get(AbortContext));
  }

  static async start(): Promise<DemoApp> {
    const from = performance.now();
    const logs = new LogTap();
    const app = await createApp(loadConfig(ENVIRONMENT), { logDestination: logs });
    await app.listen(0, '127.0.0.1');
    return new DemoApp(app, logs, new WireTap(), performance.now() - from);
  }

  /** A client over real sockets, with a token of its own. */
  async client(user: string): Promise<SocketClient> {
    const token = await this.app.get(TokenVerifier).issue(user);
    const client = new SocketClient(await this.app.getUrl(), { authorization: `Bearer ${token}` });
    this.#clients.push(client);
    return client;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.wire[Symbol.dispose]();
    for (const client of this.#clients) client.close();
    await this.app.close();
  }
}
