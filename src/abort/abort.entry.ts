import { Inject, Injectable, Logger, Optional } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { ABORT_ENTRY, type AbortEntryPoint } from './abort.options.js';
import { abortStorage } from './abort-storage.js';
import type { RawRequest, RawResponse } from './request-disconnect.js';
import { RequestScope } from './request-scope.js';

type FastifyHandler = (this: unknown, request: { readonly raw: RawRequest }, reply: { readonly raw: RawResponse }) => unknown;

interface FastifyLike {
  addHook(name: 'onRoute', hook: (route: { handler: FastifyHandler }) => void): unknown;
}

interface ExpressLike {
  use(middleware: (request: RawRequest, response: RawResponse, next: () => void) => void): unknown;
}

/**
 * Opens the abort scope of each request where the platform hands it to Nest: around the handler of each route on Fastify, after the
 * body has been read, whose events would lose the ambient context; in a middleware on Express. Guards, pipes, interceptors and the
 * controller's method run inside it, whatever they return.
 */
@Injectable()
export class AbortEntry {
  readonly #logger = new Logger('Abort');
  /** Fastify gives the handler of a GET route to its HEAD route too. */
  readonly #wrapped = new WeakSet<FastifyHandler>();

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
    fastify.addHook('onRoute', (route) => {
      route.handler = this.#wrap(route.handler);
    });
  }

  /** Not a `preHandler` hook, which would cost each request as much again as the scope itself. */
  #wrap(handler: FastifyHandler): FastifyHandler {
    if (this.#wrapped.has(handler)) return handler;
    const { requests } = this;
    const within: FastifyHandler = function (request, reply) {
      return abortStorage.run(requests.frameOf(request.raw, reply.raw), () => handler.call(this, request, reply));
    };
    this.#wrapped.add(within);
    return within;
  }

  #stepInto(express: ExpressLike): void {
    express.use((request, response, next) => abortStorage.run(this.requests.frameOf(request, response), next));
  }
}
