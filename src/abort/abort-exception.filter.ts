import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { AbortReason, DrainingError, isAbortReason, toAbortReason, type AbortCause } from './abort-reason.js';
import { abortStorage } from './abort-storage.js';
import { AbortedWork } from './aborted-work.js';
import { CLIENT_CLOSED_REQUEST } from './abort.constants.js';

const STATUS = {
  client_disconnect: CLIENT_CLOSED_REQUEST,
  user: 409,
  scope: 409,
  superseded: 409,
  budget: 402,
  deadline: 504,
  drain: 503,
  lease_lost: 503,
} satisfies Record<AbortCause, number>;

const TITLES: Record<number, string> = {
  402: 'Budget exhausted',
  409: 'Task cancelled',
  503: 'Service unavailable',
  504: 'Deadline exceeded',
};

/**
 * Answers an abort as what it is, an outcome and no error: silence for a client that left (499 in the access log), and an RFC 9457
 * problem for one that still listens: 409 cancelled, 504 deadline, 503 with `Retry-After` while draining, with the reason's own
 * extension members. Never logged as an error. What a library throws that was told to stop is answered as the reason that it was told.
 */
@Catch(AbortReason, AbortedWork)
export class AbortExceptionFilter implements ExceptionFilter<AbortReason | AbortedWork> {
  readonly #logger = new Logger('Abort');

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  catch(exception: AbortReason | AbortedWork, host: ArgumentsHost): void {
    const reason = isAbortReason(exception) ? exception : (abortStorage.getStore()?.scope.reason ?? toAbortReason(exception));
    const status = STATUS[reason.abortCause];
    const response = host.switchToHttp().getResponse<object>();
    this.#logger.debug({ msg: `[http] Request ended by abort (${reason.abortCause})`, cause: reason.abortCause, status });
    this.#answer(response, status, reason);
  }

  #answer(response: object, status: number, reason: AbortReason): void {
    const adapter = this.adapterHost.httpAdapter;
    if (adapter.isHeadersSent(response)) return;
    if (status === CLIENT_CLOSED_REQUEST) {
      adapter.reply(response, undefined, status);
      return;
    }
    if (reason instanceof DrainingError) adapter.setHeader(response, 'Retry-After', String(reason.retryAfterSeconds));
    adapter.setHeader(response, 'Content-Type', 'application/problem+json');
    const { code, message: detail, extensions } = reason;
    adapter.reply(response, { type: 'about:blank', title: TITLES[status], status, code, detail, ...extensions }, status);
  }
}
