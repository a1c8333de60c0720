import type { Params } from 'nestjs-pino';
import type { DestinationStream, LevelWithSilent, LogFn, Logger } from 'pino';
import type { AppConfig } from './config/index.js';

/** JSON lines whose `msg` operators can grep for. A client that left is a 499 at INFO; only what we broke ourselves is an error. */
export function loggerOptions({ log, instanceId }: AppConfig, destination?: DestinationStream): Params {
  const options = {
    level: log.level,
    base: { instance: instanceId },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    redact: ['req.headers.authorization', 'req.headers.cookie'],
    customLogLevel: levelOf,
    customSuccessMessage: describe,
    customErrorMessage: describe,
    hooks: { logMethod: withoutWiring },
    serializers: { req: ({ method, url, id }: { method: string; url: string; id: unknown }) => ({ id, method, url }) },
    autoLogging: { ignore: ({ url }: { url?: string }) => url === '/health' || url === '/ready' },
  };
  return { pinoHttp: destination ? [options, destination] : options };
}

const WIRING = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory']);

/** Nest tells of every module and route that it wires up: a screenful at each start that no operator reads. */
function withoutWiring(this: Logger, args: Parameters<LogFn>, method: LogFn): void {
  const [first] = args as unknown[];
  const context = typeof first === 'object' && first !== null && 'context' in first ? first.context : undefined;
  if (typeof context !== 'string' || !WIRING.has(context)) method.apply(this, args);
}

interface Answer {
  readonly statusCode: number;
  readonly writableEnded: boolean;
}

function levelOf(_: unknown, response: Answer): LevelWithSilent {
  return statusOf(response) >= 500 ? 'warn' : 'info';
}

function describe(request: { readonly method?: string; readonly url?: string }, response: Answer): string {
  return `[http] ${statusOf(response)} ${request.method ?? ''} ${request.url ?? ''}`;
}

/** An answer that was never finished is one that nobody was there to receive. */
function statusOf({ statusCode, writableEnded }: Answer): number {
  return writableEnded ? statusCode : 499;
}
