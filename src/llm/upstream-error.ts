import { DomainError } from '../problems/index.js';

const RETRYABLE = new Set([408, 409, 429, 500, 502, 503, 504]);
const KEYS = /\b(?:sk|key|api)-[\w*.-]{4,}|Bearer\s+\S+/gi;

/** What went wrong between us and the provider, and whether another try makes sense. */
export interface UpstreamFailure {
  readonly problem: DomainError;
  readonly isRetryable: boolean;
  readonly retryAfterSeconds?: number;
}

/**
 * Makes one of ours of any provider's error: 429 is `upstream_rate_limited` with the time to wait, all else `upstream_error` with the
 * provider's own words. No key gets through, neither the configured one nor anything that looks like one.
 */
export function toUpstreamFailure(error: unknown, apiKey?: string): UpstreamFailure {
  if (error instanceof DomainError) return { problem: error, isRetryable: false };
  const status = statusOf(error);
  const message = redact(messageOf(error), apiKey);
  if (status === 429) return rateLimited(error, message);
  const detail =
    status === undefined ? `The language model could not be reached: ${message}` : `The language model answered ${status}: ${message}`;
  const problem = new DomainError('upstream_error', detail, {}, { cause: error });
  return { problem, isRetryable: status === undefined || RETRYABLE.has(status) };
}

function rateLimited(error: unknown, message: string): UpstreamFailure {
  const retryAfterSeconds = retryAfterOf(error);
  const problem = new DomainError(
    'upstream_rate_limited',
    `The language model is busy: ${message}`,
    { retryAfterSeconds },
    { cause: error },
  );
  return { problem, isRetryable: true, retryAfterSeconds };
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

/** Seconds to wait, from `Retry-After` in seconds or as a date; one second where nothing is said. */
function retryAfterOf(error: unknown): number {
  const { headers } = error as { headers?: Headers | Record<string, string> };
  const value = headers instanceof Headers ? headers.get('retry-after') : headers?.['retry-after'];
  if (!value) return 1;
  const seconds = Number(value);
  return Number.isNaN(seconds) ? Math.max(1, (Date.parse(value) - Date.now()) / 1000) : seconds;
}

export function redact(text: string, apiKey?: string): string {
  const withoutOwn = apiKey ? text.replaceAll(apiKey, '[redacted]') : text;
  return withoutOwn.replace(KEYS, '[redacted]');
}
