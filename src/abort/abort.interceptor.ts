import { Inject, Injectable, Optional, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Observable } from 'rxjs';
import { AbortContext } from './abort.context.js';
import { ABORT_DEFAULTS, ABORT_OPTIONS, type AbortOptions } from './abort.options.js';
import { abortStorage, type AbortFrame } from './abort-storage.js';
import { neverDisconnects, RequestDisconnect, type RawRequest, type RawResponse } from './request-disconnect.js';

/**
 * Opens an abort scope around every HTTP handler. The signal is made only when something first looks at it, so a route that does
 * nothing expensive gets no controller and no listener.
 */
@Injectable()
export class AbortInterceptor implements NestInterceptor {
  readonly #context: AbortContext;
  readonly #abortOnDisconnect: boolean;

  constructor(context: AbortContext, @Optional() @Inject(ABORT_OPTIONS) options: Partial<AbortOptions> = {}) {
    this.#context = context;
    this.#abortOnDisconnect = { ...ABORT_DEFAULTS, ...options }.abortOnDisconnect;
  }

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (execution.getType() !== 'http') return next.handle();
    const frame: AbortFrame = { scope: this.#context.openScope(this.#sourceOf(execution)), kind: 'live' };
    return new Observable((subscriber) =>
      abortStorage.run(frame, () =>
        next.handle().subscribe({
          next: (value) => subscriber.next(isAsyncIterable(value) ? carry(frame, value) : value),
          error: (error) => subscriber.error(error),
          complete: () => subscriber.complete(),
        }),
      ),
    );
  }

  #sourceOf(execution: ExecutionContext) {
    if (!this.#abortOnDisconnect) return neverDisconnects;
    const http = execution.switchToHttp();
    const request = http.getRequest<RawRequest & { raw?: RawRequest }>();
    const response = http.getResponse<RawResponse & { raw?: RawResponse }>();
    return new RequestDisconnect(request.raw ?? request, response.raw ?? response);
  }
}

function isAsyncIterable(value: unknown): value is AsyncGenerator {
  return typeof value === 'object' && value !== null && Object.prototype.toString.call(value) === '[object AsyncGenerator]';
}

/** Nest pulls a handler's generator from outside the interceptor, where the ambient context would be lost: each pull restores it. */
function carry(frame: AbortFrame, generator: AsyncGenerator): AsyncGenerator {
  const within = <T>(pull: () => T): T => abortStorage.run(frame, pull);
  return {
    next: () => within(() => generator.next()),
    return: (value) => within(() => generator.return(value)),
    throw: (error) => within(() => generator.throw(error)),
    [Symbol.asyncIterator]() {
      return this;
    },
    [Symbol.asyncDispose]: () => within(() => generator[Symbol.asyncDispose]()),
  };
}
