import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import helmet from '@fastify/helmet';
import { Logger, PinoLogger } from 'nestjs-pino';
import { logAccess } from './app.logger.js';
import { AppModule, type AppSeams } from './app.module.js';
import type { AppConfig } from './config/index.js';
import { SchemaPipe } from './problems/index.js';

export interface AppOptions extends AppSeams {
  /** Cleartext HTTP/2, for tests and for proxies that speak it. */
  readonly http2?: boolean;
}

const LARGEST_BODY_BYTES = 1_048_576;

/** The whole app on Fastify, as `main.ts` starts it and as tests drive it. Not listening yet. */
export async function createApp(config: AppConfig, { http2, ...seams }: AppOptions = {}): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter({ bodyLimit: LARGEST_BODY_BYTES, forceCloseConnections: true, ...(http2 && { http2: true }) });
  const app = await NestFactory.create<NestFastifyApplication>(AppModule.forRoot(config, seams), adapter, {
    bufferLogs: true,
    abortOnError: false,
  });
  app.useLogger(app.get(Logger));
  app.useGlobalPipes(new SchemaPipe());
  await app.register(helmet, { contentSecurityPolicy: false });
  app.enableCors({ origin: [...config.http.corsOrigins], exposedHeaders: ['X-Task-Id', 'Retry-After'] });
  app.getHttpAdapter().getInstance().addHook('onRequest', logAccess(PinoLogger.root));
  describeApi(app);
  app.enableShutdownHooks(undefined, { useProcessExit: true });
  return app;
}

function describeApi(app: NestFastifyApplication): void {
  const document = new DocumentBuilder()
    .setTitle('Hangup')
    .setDescription('When the client hangs up, the work stops.')
    .addBearerAuth()
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, document));
}
