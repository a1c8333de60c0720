import { Catch, HttpException, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { DomainError } from './domain-error.js';
import type { Problem } from './problem.js';
import { CODE_OF_STATUS, PROBLEMS } from './problem-status.js';

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
    adapter.setHeader(response, 'Content-Type', 'application/problem+json');
    adapter.reply(response, problem, problem.status);
  }
}

function toProblem(error: unknown): Problem {
  if (error instanceof DomainError) return ofDomainError(error);
  if (isUnreachable(error)) return ofDomainError(new DomainError('database_unavailable', 'The database does not answer. Try again soon.'));
  const status = statusOf(error);
  if (status === undefined || status >= 500) return internal();
  const detail = error instanceof Error ? error.message : 'The request could not be handled.';
  return { type: 'about:blank', title: titleOf(status), status, code: CODE_OF_STATUS[status] ?? 'bad_request', detail };
}

function ofDomainError({ code, message, details }: DomainError): Problem {
  const known = PROBLEMS[code];
  if (!known) return internal();
  return {
    type: 'about:blank',
    title: known.title,
    status: known.status,
    code,
    detail: message,
    ...(details.errors && { errors: details.errors }),
  };
}

/** Fastify's own errors carry `statusCode`, Nest's `getStatus()`. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  const { statusCode } = (error ?? {}) as { statusCode?: unknown };
  return typeof statusCode === 'number' ? statusCode : undefined;
}

const UNREACHABLE = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', '57P01', '57P03', '53300']);

function isUnreachable(error: unknown): boolean {
  return UNREACHABLE.has(String((error as { code?: unknown } | null)?.code));
}

function titleOf(status: number): string {
  return (CODE_OF_STATUS[status] ?? 'bad_request').replaceAll('_', ' ').replace(/^./, (first) => first.toUpperCase());
}

function internal(): Problem {
  return {
    type: 'about:blank',
    title: 'Internal error',
    status: 500,
    code: 'internal_error',
    detail: 'Something failed that should not have. It has been logged.',
  };
}
