import { Inject, Injectable, Optional, type CallHandler, type ExecutionContext, type NestInterceptor } from '@nestjs/common';
import { Observable, type Subscriber } from 'rxjs';
import { ClientDisconnectedError } from './abort-reason.js';
import { AbortContext } from './abort.context.js';
import { ABORT_DEFAULTS, ABORT_OPTIONS, type AbortOptions } from './abort.options.js';
import { neverAborts, type SignalSource } from './abort-scope.js';
import { abortStorage, type AbortFrame } from './abort-storage.js';
import { AbortStats } from './abort.stats.js';
import { RequestDisconnect, type RawRequest, type RawResponse } from './request-disconnect.js';

/**
 * Opens an abort scope around every HTTP handler. The signal is made only when something first looks at it, so a route that does
 * nothing expensive gets no controller and no listener.
 */
@Injectable()
export class AbortInterceptor implements NestInterceptor {
  readonly #context: AbortContext;
  readonly #stats: AbortStats;
  readonly #abortOnDisconnect: boolean;

  constructor(
    context: AbortContext,
    @Optional() @Inject(ABORT_OPTIONS) options: Partial<AbortOptions> = {},
    @Optional() @Inject(AbortStats) stats: AbortStats = new AbortStats(),
  ) {
    this.#context = context;
    this.#stats = stats;
    this.#abortOnDisconnect = options.abortOnDisconnect ?? ABORT_DEFAULTS.abortOnDisconnect;
  }

  intercept(execution: ExecutionContext, next: CallHandler): Observable<unknown> {
    if (execution.getType() !== 'http') return next.handle();
    const frame: AbortFrame = { scope: this.#context.openScope(this.#sourceOf(execution)), kind: 'live' };
    return new Observable((subscriber) =>
      abortStorage.run(frame, () =>
        next.handle().subscribe({
          next: (value) => subscriber.next(isAsyncGenerator(value) ? carry(frame, value) : value),
          error: (error) => fail(subscriber, error),
          complete: () => subscriber.complete(),
        }),
      ),
    );
  }

  #sourceOf(execution: ExecutionContext): SignalSource {
    if (!this.#abortOnDisconnect) return neverAborts;
    const http = execution.switchToHttp();
    const request = http.getRequest<RawRequest & { raw?: RawRequest }>();
    const response = http.getResponse<RawResponse & { raw?: RawResponse }>();
    const onDisconnect = (): void => void (this.#stats.disconnects += 1);
    return new RequestDisconnect(request.raw ?? request, response.raw ?? response, onDisconnect);
  }
}

/**
 * Nest learns of a disconnect later in the same tick than we do, and then unsubscribes from what streams. A stream that fails in the
 * very moment of the abort waits for that, or Nest would log the abort as an error.
 */
function fail(subscriber: Subscriber<unknown>, error: unknown): void {
  if (error instanceof ClientDisconnectedError) queueMicrotask(() => subscriber.error(error));
  else subscriber.error(error);
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
