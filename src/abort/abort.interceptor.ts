import { Injectable, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Observable } from 'rxjs';
import { abortStorage, type AbortFrame } from './abort-storage.js';
import type { RawRequest, RawResponse } from './request-disconnect.js';
import { RequestScope } from './request-scope.js';

/**
 * Opens an abort scope around every HTTP handler that has none yet: for platforms into which `AbortModule` knows no other way.
 * `AbortModule.forRoot({ entry: 'interceptor' })` registers it. Guards run before it, and have no scope.
 */
@Injectable()
export class AbortInterceptor implements NestInterceptor {
  constructor(private readonly requests: RequestScope) {}

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (execution.getType() !== 'http' || abortStorage.getStore()) return next.handle();
    const frame = this.#open(execution);
    return new Observable((subscriber) =>
      abortStorage.run(frame, () =>
        next.handle().subscribe({
          next: (value) => subscriber.next(isAsyncGenerator(value) ? carry(frame, value) : value),
          error: (error) => subscriber.error(error),
          complete: () => subscriber.complete(),
        }),
      ),
    );
  }

  #open(execution: ExecutionContext): AbortFrame {
    const http = execution.switchToHttp();
    const request = http.getRequest<RawRequest & { raw?: RawRequest }>();
    const response = http.getResponse<RawResponse & { raw?: RawResponse }>();
    return this.requests.frameOf(request.raw ?? request, response.raw ?? response);
  }
}

function isAsyncGenerator(value: unknown): value is AsyncGenerator {
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
