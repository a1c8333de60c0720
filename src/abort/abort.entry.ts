import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ABORT_ENTRY, type AbortEntryPoint } from './abort.options.js';
import { abortStorage } from './abort-storage.js';
import type { RawRequest, RawResponse } from './request-disconnect.js';
import { RequestScope } from './request-scope.js';

interface FastifyLike {
  addHook(
    name: 'preHandler',
    hook: (request: { readonly raw: RawRequest }, reply: { readonly raw: RawResponse }, done: () => void) => void,
  ): unknown;
}

interface ExpressLike {
  use(middleware: (request: RawRequest, response: RawResponse, next: () => void) => void): unknown;
}

/**
 * Opens the abort scope of each request where the platform hands it to Nest: a `preHandler` hook on Fastify, after the body has been
 * read, whose events would lose the ambient context; a middleware on Express. Guards, pipes, interceptors and the handler run
 * inside it, whatever they return.
 */
@Injectable()
export class AbortEntry {
  readonly #logger = new Logger('Abort');

  constructor(
    private readonly adapterHost: HttpAdapterHost,
    private readonly requests: RequestScope,
    @Optional() @Inject(ABORT_ENTRY) private readonly entry: AbortEntryPoint = 'request',
  ) {}

  /** To be called before the routes are registered: Express asks what stands before them. */
  install(): void {
    const { httpAdapter } = this.adapterHost as Partial<HttpAdapterHost>;
    if (!httpAdapter || this.entry === 'interceptor') return;
    const platform = httpAdapter.getType();
    if (platform === 'fastify') this.#hookInto(httpAdapter.getInstance<FastifyLike>());
    else if (platform === 'express') this.#stepInto(httpAdapter.getInstance<ExpressLike>());
    else this.#logger.error(`No way into a ${platform} server is known: mount AbortModule with { entry: 'interceptor' }.`);
  }

  #hookInto(fastify: FastifyLike): void {
    fastify.addHook('preHandler', (request, reply, done) => abortStorage.run(this.requests.open(request.raw, reply.raw), done));
  }

  #stepInto(express: ExpressLike): void {
    express.use((request, response, next) => abortStorage.run(this.requests.open(request, response), next));
  }
}
