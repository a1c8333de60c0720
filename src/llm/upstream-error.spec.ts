import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { APIConnectionError, APIError } from 'openai';
import { DomainError } from '../problems/index.js';
import { toUpstreamFailure } from './upstream-error.js';

/** An error as the SDK makes it of an answer. */
function answered(status: number, message: string, headers: Record<string, string> = {}): Error {
  return APIError.generate(status, { error: { message } }, undefined, new Headers(headers));
}

const NOW = new Date('2026-11-21T12:00:00Z');

beforeEach(() => {
  jest.useFakeTimers({ now: NOW });
});
afterEach(() => {
  jest.useRealTimers();
});

describe('what a provider answered', () => {
  it.each([
    [400, false],
    [401, false],
    [403, false],
    [404, false],
    [408, true],
    [409, true],
    [422, false],
    [500, true],
    [502, true],
    [503, true],
    [504, true],
  ])('with status %i is an upstream error, and worth another try: %s', (status, isRetryable) => {
    const failure = toUpstreamFailure(answered(status, 'words of the provider'));
    expect(failure).toMatchObject({ isRetryable, problem: { code: 'upstream_error' } });
    expect(failure.problem.message).toBe(`The language model answered ${status}: words of the provider`);
    expect(failure.retryAfterSeconds).toBeUndefined();
  });

  it('is kept as the cause, for the log, unless there is a key in it or in a cause of its own', () => {
    const [clean, secret] = [answered(400, 'no'), answered(429, 'no such key: 0f1e2d')];
    expect(toUpstreamFailure(clean, ['0f1e2d']).problem.cause).toBe(clean);
    expect(toUpstreamFailure(secret, ['0f1e2d']).problem.cause).toBeUndefined();
    expect(toUpstreamFailure(new Error('failed', { cause: secret }), ['0f1e2d']).problem.cause).toBeUndefined();
  });

  it.each([
    ['in seconds', '7', 7],
    ['in parts of a second', '0.5', 0.5],
    ['now', '0', 0],
    ['as a date', 'Sat, 21 Nov 2026 12:00:30 GMT', 30],
    ['as a date that has passed', 'Sat, 21 Nov 2026 11:00:00 GMT', 1],
    ['in words that make no sense', 'soon', 1],
    ['as less than nothing', '-5', 1],
    ['not at all', undefined, 1],
  ])('with 429 says when to try again: %s', (_, header, seconds) => {
    const failure = toUpstreamFailure(answered(429, 'slow down', header === undefined ? {} : { 'retry-after': header }));
    expect(failure).toMatchObject({ isRetryable: true, retryAfterSeconds: seconds });
    expect(failure.problem).toMatchObject({ code: 'upstream_rate_limited', details: { retryAfterSeconds: seconds } });
    expect(failure.problem.message).toBe('The language model is busy: slow down');
  });

  it('with 429 may come with plain headers', () => {
    const error = Object.assign(new Error('busy'), { status: 429, headers: { 'retry-after': '3' } });
    expect(toUpstreamFailure(error).retryAfterSeconds).toBe(3);
  });
});

describe('a provider that could not be asked', () => {
  it.each([
    ['a refused connection', new APIConnectionError({ message: 'Connection error.' }), 'Connection error.'],
    ['a broken stream', new TypeError('terminated'), 'terminated'],
    ['an error without words', Object.assign(new Error(''), { cause: new Error('other side closed') }), 'other side closed'],
    ['no error at all', undefined, 'no message'],
  ])('is an upstream error that is worth another try: %s', (_, error, words) => {
    const { problem, isRetryable } = toUpstreamFailure(error);
    expect(isRetryable).toBe(true);
    expect(problem.code).toBe('upstream_error');
    expect(problem.message).toBe(`The language model could not be reached: ${words}`);
  });
});

describe('a failure that is ours already', () => {
  it('stays as it is, and is not repeated', () => {
    const timeout = new DomainError('upstream_timeout', 'too long');
    expect(toUpstreamFailure(timeout)).toEqual({ problem: timeout, isRetryable: false });
  });
});

describe('a key', () => {
  it.each([
    ['as it was sent', 'Incorrect API key provided: sk-proj-Ab12Cd34. Find it', 'Incorrect API key provided: [redacted] Find it'],
    ['masked', 'Incorrect key sk-ab***9xYz given', 'Incorrect key [redacted] given'],
    ['of other makers', 'key-0a1b2c3d and api-9f8e7d6c', '[redacted] and [redacted]'],
    ['in a header', 'header Authorization: Bearer eyJhbGciOi.x.y was bad', 'header Authorization: [redacted] was bad'],
    ['in a header in lower case', 'got bearer abc', 'got [redacted]'],
    ['that is configured', 'the key 0f1e2d is wrong, 0f1e2d!', 'the key [redacted] is wrong, [redacted]!'],
    ['that is configured for another provider', 'the key azure$9 is wrong', 'the key [redacted] is wrong'],
  ])('never gets through: %s', (_, said, shown) => {
    const { problem } = toUpstreamFailure(answered(401, said), ['0f1e2d', 'azure$9']);
    expect(problem.message).toBe(`The language model answered 401: ${shown}`);
    expect(toUpstreamFailure(answered(429, said), ['0f1e2d', 'azure$9']).problem.message).toBe(`The language model is busy: ${shown}`);
  });

  it.each(['Unsupported api-version, see the docs', 'a key-value store', 'task-force and risk-free'])(
    'is not seen where there is none: %s',
    (words) => {
      expect(toUpstreamFailure(answered(400, words)).problem.message).toContain(words);
    },
  );
});
