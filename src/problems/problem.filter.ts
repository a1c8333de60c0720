import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { DomainError } from './domain-error.js';
import { PROBLEM_JSON } from './problem.js';
import { toProblem } from './to-problem.js';

/**
 * Answers every failure as an RFC 9457 problem with a stable `code`. Only what nobody foresaw is a 500: that one is logged as an
 * error with its stack, and tells the caller nothing of it.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger('Problem');

  constructor(private readonly adapterHost: HttpAdapterHost) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const problem = toProblem(error);
    if (problem.status === 500) this.#logger.error({ err: error, msg: '[http] Unexpected failure' });
    const response = host.switchToHttp().getResponse<object>();
    const adapter = this.adapterHost.httpAdapter;
    if (adapter.isHeadersSent(response)) return;
    if (error instanceof DomainError && error.details.retryAfterSeconds !== undefined) {
      adapter.setHeader(response, 'Retry-After', String(Math.ceil(error.details.retryAfterSeconds)));
    }
    if (problem.status === 401) adapter.setHeader(response, 'WWW-Authenticate', 'Bearer');
    adapter.setHeader(response, 'Content-Type', PROBLEM_JSON);
    adapter.reply(response, problem, problem.status);
  }
}
