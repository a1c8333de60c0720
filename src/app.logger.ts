import type { Params } from 'nestjs-pino';
import type { DestinationStream, LogFn, Logger } from 'pino';
import { CLIENT_CLOSED_REQUEST } from './abort/index.js';
import type { OpenRequests } from './app.requests.js';
import type { AppConfig } from './config/index.js';

/** JSON lines whose `msg` begins with the words that operators grep for; fields carry the rest. */
export function loggerOptions({ log, instanceId }: AppConfig, destination?: DestinationStream): Params {
  const options = {
    level: log.level,
    base: { instance: instanceId },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label: string) => ({ level: label }) },
    hooks: { logMethod: withoutWiring },
  };
  // No middleware: it would put a logger on every request, which costs more than most requests here. `logAccess` tells of them.
  return { forRoutes: [], pinoHttp: destination ? [options, destination] : options };
}

const WIRING = new Set(['InstanceLoader', 'RoutesResolver', 'RouterExplorer', 'NestFactory']);

/** Nest tells of every module and route that it wires up: a screenful at each start that no operator reads. */
function withoutWiring(this: Logger, args: Parameters<LogFn>, method: LogFn): void {
  const [first] = args as unknown[];
  const context = typeof first === 'object' && first !== null && 'context' in first ? first.context : undefined;
  if (typeof context !== 'string' || !WIRING.has(context)) method.apply(this, args);
}

interface Exchange {
  readonly method: string;
  readonly url: string;
}

interface Answer {
  readonly statusCode: number;
  readonly elapsedTime: number;
  readonly raw: { readonly writableEnded: boolean; on(event: 'close', listener: () => void): unknown };
}

/** What is asked again and again, and the parts of a page, which come dozens at a time: no line for each. */
const UNTOLD = /^\/(health|ready|metrics)$|^\/console\//;

type RequestHook = (request: Exchange, reply: Answer, done: () => void) => void;

/**
 * One line for each request when its response closes, until when it counts as open. Not Fastify's `onResponse`: that one keeps silent
 * about a client that left. An answer that was never finished is one that nobody was there to receive: 499.
 */
export function logAccess(logger: Pick<Logger, 'info' | 'warn'>, requests: OpenRequests): RequestHook {
  return (request, reply, done) => {
    if (!UNTOLD.test(request.url)) follow(logger, requests, request, reply);
    done();
  };
}

function follow(logger: Pick<Logger, 'info' | 'warn'>, requests: OpenRequests, request: Exchange, reply: Answer): void {
  const open = requests.open();
  reply.raw.on('close', () => {
    open.close();
    logExchange(logger, request, reply);
  });
}

function logExchange(logger: Pick<Logger, 'info' | 'warn'>, { method, url }: Exchange, { statusCode, elapsedTime, raw }: Answer): void {
  const status = raw.writableEnded ? statusCode : CLIENT_CLOSED_REQUEST;
  const line = { method, url, status, ms: Math.round(elapsedTime), msg: `[http] ${status} ${method} ${url}` };
  logger[status >= 500 ? 'warn' : 'info'](line);
}
