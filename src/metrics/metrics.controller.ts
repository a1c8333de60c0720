import { createHash, timingSafeEqual } from 'node:crypto';
import { Controller, Get, Headers, Inject, Res } from '@nestjs/common';
import { ApiExcludeEndpoint } from '@nestjs/swagger';
import { Public } from '../auth/index.js';
import { APP_CONFIG, type AppConfig } from '../config/index.js';
import { DomainError } from '../problems/index.js';
import { Metrics } from './metrics.service.js';

interface Reply {
  header(name: string, value: string): unknown;
}

@Public()
@Controller('metrics')
export class MetricsController {
  readonly #token: string | undefined;

  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    private readonly metrics: Metrics,
  ) {
    this.#token = config.metrics.token;
  }

  /** For Prometheus. Where a token is configured, it is asked for as a bearer token. */
  @Get()
  @ApiExcludeEndpoint()
  async read(@Headers('authorization') authorization: string | undefined, @Res({ passthrough: true }) reply: Reply): Promise<string> {
    if (this.#token !== undefined && !isSame(authorization ?? '', `Bearer ${this.#token}`)) {
      throw new DomainError('unauthorized', 'Send the token of METRICS_TOKEN: Authorization: Bearer <token>.');
    }
    reply.header('Content-Type', this.metrics.contentType);
    return await this.metrics.text();
  }
}

/** In a time that does not tell how much of it is right. */
function isSame(given: string, expected: string): boolean {
  const [a, b] = [given, expected].map((text) => createHash('sha256').update(text).digest()) as [Buffer, Buffer];
  return timingSafeEqual(a, b);
}
