import { createApp } from './app.setup.js';
import { TokenVerifier } from './auth/index.js';
import { ConfigError, loadConfig } from './config/index.js';
import { Database, DatabaseStartError } from './database/index.js';
import { Models } from './llm/index.js';
import { welcome } from './welcome.js';

async function start(): Promise<void> {
  const config = loadConfig();
  const app = await createApp(config);
  await app.listen(config.http.port, config.http.host);
  const tokens = app.get(TokenVerifier);
  const token = tokens.isSelfIssued ? await tokens.issue('learner') : undefined;
  const on = { database: app.get(Database).source.description, model: app.get(Models, { strict: false }).description };
  process.stdout.write(welcome(await app.getUrl(), on, token));
}

/** What the operator can mend is one line; what only a programmer can is a stack. */
function fail(error: unknown): void {
  const isOperators = error instanceof ConfigError || error instanceof DatabaseStartError || isListenError(error);
  process.stderr.write(isOperators ? `hangup: ${(error as Error).message}\n` : `hangup: ${String((error as Error).stack ?? error)}\n`);
  process.exitCode = 1;
  setImmediate(() => process.exit());
}

/** HOST that names no machine, or not this one; PORT that is taken. */
function isListenError(error: unknown): boolean {
  const { syscall } = (error ?? {}) as { syscall?: unknown };
  return syscall === 'listen' || syscall === 'getaddrinfo';
}

start().catch(fail);
