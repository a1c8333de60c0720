import { DomainError, type ProblemCode } from '../problems/index.js';

/** What a call to a model may fail with. */
export const UPSTREAM_PROBLEMS = ['upstream_error', 'upstream_rate_limited', 'upstream_timeout'] as const satisfies readonly ProblemCode[];

const RETRYABLE = new Set([408, 409, 429, 500, 502, 503, 504]);
/** `api-version` is none: what is named so has a digit or a mask in it. */
const KEYS = /\bsk-[\w*.-]{4,}|\b(?:key|api)-(?=[\w.-]*[\d*])[\w*.-]{4,}|Bearer\s+\S+/gi;

/** What went wrong between us and the provider, and whether another try makes sense. */
export interface UpstreamFailure {
  readonly problem: DomainError;
  readonly isRetryable: boolean;
  readonly retryAfterSeconds?: number;
}

/**
 * Makes one of ours of any provider's error: 429 is `upstream_rate_limited` with the time to wait, all else `upstream_error` with the
 * provider's own words. No key gets through, neither the configured ones nor anything that looks like one.
 */
export function toUpstreamFailure(error: unknown, apiKeys: readonly string[] = []): UpstreamFailure {
  if (error instanceof DomainError) return { problem: error, isRetryable: false };
  const status = statusOf(error);
  const message = redact(messageOf(error), apiKeys);
  const cause = causeOf(error, apiKeys);
  if (status === 429) return rateLimited(error, message, cause);
  const detail =
    status === undefined ? `The language model could not be reached: ${message}` : `The language model answered ${status}: ${message}`;
  const problem = new DomainError('upstream_error', detail, {}, cause);
  return { problem, isRetryable: status === undefined || RETRYABLE.has(status) };
}

function rateLimited(error: unknown, message: string, cause: ErrorOptions): UpstreamFailure {
  const retryAfterSeconds = retryAfterOf(error);
  const problem = new DomainError('upstream_rate_limited', `The language model is busy: ${message}`, { retryAfterSeconds }, cause);
  return { problem, isRetryable: true, retryAfterSeconds };
}

/** The log writes causes out: one that has a key in it goes no further. */
function causeOf(error: unknown, apiKeys: readonly string[]): ErrorOptions {
  const words = wordsWithCauses(error);
  return redact(words, apiKeys) === words ? { cause: error } : {};
}

function wordsWithCauses(error: unknown): string {
  return error instanceof Error ? `${error.message}\n${error.stack ?? ''}\n${wordsWithCauses(error.cause)}` : '';
}

function statusOf(error: unknown): number | undefined {
  const { status } = (error ?? {}) as { status?: unknown };
  return typeof status === 'number' ? status : undefined;
}

function messageOf(error: unknown): string {
  const {
    error: body,
    message,
    cause,
  } = (error ?? {}) as { error?: { message?: unknown }; message?: unknown; cause?: { message?: unknown } };
  const words = [body?.message, message, cause?.message].find((each) => typeof each === 'string' && each !== '');
  return typeof words === 'string' ? words : 'no message';
}

/** Seconds to wait, from `Retry-After` in seconds or as a date; one second where nothing is said that makes sense. */
function retryAfterOf(error: unknown): number {
  const { headers } = error as { headers?: Headers | Record<string, string> };
  const value = (isHeaders(headers) ? headers.get('retry-after') : headers?.['retry-after']) ?? '';
  if (/^\d+(\.\d+)?$/.test(value)) return Number(value);
  const seconds = (Date.parse(value) - Date.now()) / 1000;
  return seconds > 1 ? seconds : 1;
}

/** Of whichever implementation of `fetch`: each has a class of its own. */
function isHeaders(headers: Headers | Record<string, string> | undefined): headers is Headers {
  return typeof headers?.get === 'function';
}

function redact(text: string, apiKeys: readonly string[]): string {
  return apiKeys.reduce((shown, key) => shown.replaceAll(key, '[redacted]'), text).replace(KEYS, '[redacted]');
}
