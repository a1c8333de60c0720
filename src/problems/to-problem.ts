import { HttpException } from '@nestjs/common';
import { DomainError } from './domain-error.js';
import { CODE_OF_STATUS, INTERNAL, kindOf, titleOf } from './problem-status.js';
import type { Problem } from './problem.js';

/** What a caller is told of any failure. Of what nobody foresaw that is nothing but the fact. */
export function toProblem(error: unknown): Problem {
  if (error instanceof DomainError) return ofDomainError(error);
  if (isUnreachable(error)) return ofDomainError(new DomainError('database_unavailable', 'The database does not answer. Try again soon.'));
  const status = statusOf(error);
  if (status === undefined || status >= 500) return internal();
  const detail = error instanceof Error ? error.message : 'The request could not be handled.';
  return { type: 'about:blank', title: titleOf(status), status, code: CODE_OF_STATUS[status] ?? 'bad_request', detail };
}

/** When another try makes sense, in seconds, where the failure knows. */
export function retryAfterOf(error: unknown): number | undefined {
  return error instanceof DomainError ? error.details.retryAfterSeconds : undefined;
}

function ofDomainError({ code, message, details }: DomainError): Problem {
  const known = kindOf(code);
  if (!known) return internal();
  return {
    type: 'about:blank',
    title: known.title,
    status: known.status,
    code,
    detail: message,
    ...(details.errors && { errors: [...details.errors] }),
  };
}

/** Fastify's own errors carry `statusCode`, Nest's `getStatus()`. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpException) return error.getStatus();
  const { statusCode } = (error ?? {}) as { statusCode?: unknown };
  return typeof statusCode === 'number' ? statusCode : undefined;
}

const UNREACHABLE = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOTFOUND', 'ETIMEDOUT', '57P01', '25P03', '57P03', '53300']);
/** What `pg` 8 says without a code, of a pool without a free connection and of a connection that broke. */
const UNREACHABLE_IN_WORDS = /^(timeout exceeded when trying to connect|Connection terminated|Client has encountered a connection error)/;

function isUnreachable(error: unknown): boolean {
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown };
  return UNREACHABLE.has(String(code)) || (code === undefined && UNREACHABLE_IN_WORDS.test(String(message)));
}

function internal(): Problem {
  return { type: 'about:blank', ...INTERNAL, detail: 'Something failed that should not have. It has been logged.' };
}
