import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import helmet from '@fastify/helmet';
import type { FastifyReply, FastifyRequest, FastifyServerOptions } from 'fastify';
import { Logger, PinoLogger } from 'nestjs-pino';
import { closeWhileDraining, Drain } from './app.drain.js';
import { logAccess } from './app.logger.js';
import { AppModule, type AppSeams } from './app.module.js';
import { OpenRequests } from './app.requests.js';
import { acceptUploads } from './app.uploads.js';
import type { AppConfig } from './config/index.js';
import { describeProblems, PROBLEM_JSON, SchemaPipe, toProblem } from './problems/index.js';
import { describeEvents } from './sse/index.js';

export interface AppOptions extends AppSeams {
  /** Cleartext HTTP/2, for tests and for proxies that speak it. */
  readonly http2?: boolean;
}

const LARGEST_BODY_BYTES = 1_048_576;

/** The whole app on Fastify, as `main.ts` starts it and as tests drive it. Not listening yet. */
export async function createApp(config: AppConfig, { http2, ...seams }: AppOptions = {}): Promise<NestFastifyApplication> {
  const options: FastifyServerOptions = { bodyLimit: LARGEST_BODY_BYTES, forceCloseConnections: true, frameworkErrors: refuse };
  const adapter = new FastifyAdapter({ ...options, ...(http2 && { http2: true }) });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.forRoot(config, seams), adapter, {
    bufferLogs: true,
    // A start that fails is told by whoever started it; flushed, Nest's own account of it would come first, with a stack.
    autoFlushLogs: false,
    abortOnError: false,
  });
  app.useLogger(app.get(Logger));
  app.flushLogs();
  app.useGlobalPipes(new SchemaPipe());
  acceptEmptyBodies(app);
  letRoutesTakeMore(app);
  await acceptUploads(app, config, http2 === true);
  await app.register(helmet, { contentSecurityPolicy: false });
  letOriginsIn(app, config.http.corsOrigins);
  const server = app.getHttpAdapter().getInstance();
  server.addHook('onRequest', logAccess(PinoLogger.root, app.get(OpenRequests)));
  // In HTTP/2 there is no such header: closing the server tells its clients.
  if (!http2) server.addHook('onRequest', closeWhileDraining(app.get(Drain)));
  describeApi(app);
  app.enableShutdownHooks(undefined, { useProcessExit: true });
  return app;
}

/** Some URLs Fastify refuses before it looks for a route, and so before any filter is asked. */
function refuse(error: Error, _: unknown, reply: FastifyReply): void {
  const problem = toProblem(error);
  void reply.code(problem.status).type(PROBLEM_JSON).send(problem);
}

/**
 * The client sends what lasts with cookies and everything else without, so that browsers hold neither up for the other; whatever cookies
 * there are, nobody looks at them. A browser takes no `*` as the answer to such a request.
 */
function letOriginsIn(app: NestFastifyApplication, origins: readonly string[]): void {
  const methods = ['GET', 'HEAD', 'POST', 'PUT', 'DELETE'];
  const origin = origins.includes('*') ? true : [...origins];
  app.enableCors({ origin, methods, credentials: true, exposedHeaders: ['X-Task-Id', 'Retry-After'] });
}

/** Clients announce JSON and then send none of it, where every field is optional. Whether that is enough is the schema's to say. */
function acceptEmptyBodies(app: NestFastifyApplication): void {
  const parseJson = app.getHttpAdapter().getInstance().getDefaultJsonParser('error', 'error');
  app.useBodyParser('application/json', { bodyLimit: LARGEST_BODY_BYTES }, (request, body: Buffer, done) => {
    if (body.length === 0) done(null, undefined);
    else void parseJson(request as FastifyRequest, body.toString(), done);
  });
}

/** A route that takes larger bodies than the others says so: `@RouteConfig({ bodyLimit })`. */
function letRoutesTakeMore(app: NestFastifyApplication): void {
  app
    .getHttpAdapter()
    .getInstance()
    .addHook('onRoute', (route) => {
      const { bodyLimit } = (route.config ?? {}) as { readonly bodyLimit?: number };
      if (bodyLimit !== undefined) route.bodyLimit = bodyLimit;
    });
}

function describeApi(app: NestFastifyApplication): void {
  const document = new DocumentBuilder()
    .setTitle('Hangup')
    .setDescription('When the client hangs up, the work stops.')
    .addBearerAuth()
    .build();
  SwaggerModule.setup('docs', app, () => describeProblems(describeEvents(SwaggerModule.createDocument(app, document))));
}
