import { describe, expect, it } from '@jest/globals';
import {
  ABORT_CAUSES,
  AbortReason,
  CancelledError,
  ClientDisconnectedError,
  DeadlineExceededError,
  describeCause,
  nameCause,
  DrainingError,
  isAbortOf,
  isAbortReason,
  toAbortReason,
  type AbortCause,
} from './index.js';

/** The cause that no class of this folder has: tasks bring their own. */
class LeaseLostError extends AbortReason {
  readonly code = 'lease_lost';
  readonly abortCause = 'lease_lost';
}

const REASONS = {
  client_disconnect: () => new ClientDisconnectedError(),
  user: () => new CancelledError(),
  scope: () => new CancelledError('scope'),
  superseded: () => new CancelledError('superseded'),
  budget: () => new CancelledError('budget'),
  deadline: () => new DeadlineExceededError(250),
  drain: () => new DrainingError(),
  lease_lost: () => new LeaseLostError('The lease is lost.'),
} satisfies Record<AbortCause, () => AbortReason>;

const CODES: Record<AbortCause, string> = {
  client_disconnect: 'client_disconnected',
  user: 'task_cancelled',
  scope: 'task_cancelled',
  superseded: 'task_cancelled',
  budget: 'budget_exceeded',
  deadline: 'deadline_exceeded',
  drain: 'draining',
  lease_lost: 'lease_lost',
};

const WORDS: Record<AbortCause, string> = {
  client_disconnect: 'Client disconnected',
  user: 'Cancelled by user',
  scope: 'Cancelled by user',
  superseded: 'Superseded',
  budget: 'Budget exhausted',
  deadline: 'Deadline exceeded',
  drain: 'Server draining',
  lease_lost: 'Lease lost',
};

describe.each(ABORT_CAUSES)('A reason with the cause %s', (cause) => {
  const reason = REASONS[cause]();

  it('is an error with a stable code and with a name that third-party checks know', () => {
    expect(reason).toBeInstanceOf(Error);
    expect(reason).toMatchObject({ abortCause: cause, code: CODES[cause], name: cause === 'deadline' ? 'TimeoutError' : 'AbortError' });
    expect(reason.message).not.toBe('');
  });

  it('is told from every other error by its brand, and typed already', () => {
    expect(isAbortReason(reason)).toBe(true);
    expect(toAbortReason(reason)).toBe(reason);
  });

  it('has its own words at the head of a log line, and behind "cancelled by"', () => {
    expect(describeCause(cause)).toBe(WORDS[cause]);
    expect(`cancelled by ${nameCause(cause)}`).toMatch(/^cancelled by [a-z ]+$/);
    expect(nameCause(cause)).not.toMatch(/cancelled/);
  });

  it('is the abort of the signal that carries it, and of no other', () => {
    expect(isAbortOf(reason, AbortSignal.abort(reason))).toBe(true);
    expect(isAbortOf(reason, new AbortController().signal)).toBe(false);
    expect(isAbortOf(reason, AbortSignal.abort(REASONS[cause]()))).toBe(false);
  });
});

describe('Reasons', () => {
  it('carry who asked and why, and say the asker’s own word', () => {
    const reason = new CancelledError('user', { by: 'lena', reason: 'wrong chapter' });
    expect(reason).toMatchObject({ message: 'wrong chapter', details: { by: 'lena', reason: 'wrong chapter' } });
  });

  it('name the time that was allowed, and when to try again', () => {
    expect(new DeadlineExceededError(250)).toMatchObject({ message: 'The deadline of 250 ms passed.', timeoutMs: 250 });
    expect(new DeadlineExceededError().message).toBe('The deadline passed.');
    expect(new DrainingError(7).retryAfterSeconds).toBe(7);
  });

  it('are recognised when another copy of this package made them', () => {
    const foreign = Object.assign(new Error('cancelled elsewhere'), { [Symbol.for('hangup.abort-reason')]: true, abortCause: 'user' });
    expect(isAbortReason(foreign)).toBe(true);
    expect(toAbortReason(foreign)).toBe(foreign);
  });

  it.each([undefined, null, 'AbortError', 7, new Error('AbortError'), { name: 'AbortError' }])('are not %p', (value) => {
    expect(isAbortReason(value)).toBe(false);
  });
});

describe('toAbortReason', () => {
  it('makes a deadline of a foreign timeout and keeps it as the cause', () => {
    const foreign = new DOMException('timed out', 'TimeoutError');
    const reason = toAbortReason(foreign);
    expect(reason).toBeInstanceOf(DeadlineExceededError);
    expect(reason.cause).toBe(foreign);
  });

  it('makes a cancel by a user of a bare abort, in its words and with it as the cause', () => {
    const { reason: bare } = AbortSignal.abort() as { reason: unknown };
    const typed = toAbortReason(bare);
    expect(typed).toMatchObject({ abortCause: 'user', message: (bare as Error).message });
    expect(typed.cause).toBe(bare);
  });

  it.each(['stop', undefined, null, 0])('makes a cancel by a user of %p, which is no error at all', (value) => {
    const reason = toAbortReason(value);
    expect(reason).toMatchObject({ abortCause: 'user', message: 'The task was cancelled.' });
    expect(reason.cause).toBe(value);
  });
});

describe('isAbortOf', () => {
  const reason = new ClientDisconnectedError();
  const aborted = AbortSignal.abort(reason);

  class APIUserAbortError extends Error {}

  it.each([
    ['an AbortError of the platform', new DOMException('aborted', 'AbortError')],
    ['an AbortError by name', Object.assign(new Error('aborted'), { name: 'AbortError' })],
    ['the abort of the OpenAI SDK, whose name is plain Error', new APIUserAbortError('Request was aborted.')],
    ['an error with the reason as its cause', new Error('query failed', { cause: reason })],
    ['an error with the reason deep among its causes', new Error('a', { cause: new Error('b', { cause: reason }) })],
    ['an error with a library’s abort among its causes', new Error('a', { cause: new DOMException('aborted', 'AbortError') })],
  ])('takes %s for the abort', (_, error) => {
    expect(isAbortOf(error, aborted)).toBe(true);
    expect(isAbortOf(error, new AbortController().signal)).toBe(false);
  });

  it.each([
    ['a failure', new Error('duplicate key')],
    ['a failure with another failure as its cause', new Error('a', { cause: new TypeError('terminated') })],
    ['a timeout of something else', new DOMException('headers timed out', 'TimeoutError')],
    ['the deadline of a shield', new DeadlineExceededError(5000)],
    ['the cancel of another scope', new CancelledError('user')],
    ['a string', 'AbortError'],
    ['nothing', undefined],
    ['null', null],
    ['an object without a prototype', Object.create(null)],
    ['an object whose constructor is no class', { constructor: undefined }],
  ])('leaves %s what it is, although the signal is aborted', (_, error) => {
    expect(isAbortOf(error, aborted)).toBe(false);
  });

  it('takes a library’s timeout for the abort where a deadline was the reason', () => {
    const timeout = new DOMException('timed out', 'TimeoutError');
    expect(isAbortOf(timeout, AbortSignal.abort(new DeadlineExceededError(10)))).toBe(true);
    expect(isAbortOf(timeout, AbortSignal.abort(new DOMException('clock', 'TimeoutError')))).toBe(true);
    class APIConnectionTimeoutError extends Error {}
    const ofTheSdk = new APIConnectionTimeoutError('Request timed out.');
    expect(isAbortOf(ofTheSdk, AbortSignal.abort(new DeadlineExceededError(1)))).toBe(true);
    expect(isAbortOf(ofTheSdk, AbortSignal.abort(new CancelledError()))).toBe(false);
  });

  it('takes a reason that is no error for what it is', () => {
    expect(isAbortOf('stop', AbortSignal.abort('stop'))).toBe(true);
    expect(isAbortOf('halt', AbortSignal.abort('stop'))).toBe(false);
  });

  it('comes to an end on causes that go in a circle', () => {
    const [a, b] = [new Error('a'), new Error('b')];
    a.cause = b;
    b.cause = a;
    expect(isAbortOf(a, aborted)).toBe(false);
  });

  it('keeps a failure a failure when it races the abort in the same tick', async () => {
    const controller = new AbortController();
    const failure = new Error('duplicate key');
    const work = Promise.withResolvers<never>();
    controller.signal.addEventListener('abort', () => work.reject(controller.signal.reason));
    queueMicrotask(() => {
      work.reject(failure);
      controller.abort(reason);
    });
    const error: unknown = await work.promise.catch((caught: unknown) => caught);
    expect(error).toBe(failure);
    expect(isAbortOf(error, controller.signal)).toBe(false);
    expect(isAbortOf(controller.signal.reason, controller.signal)).toBe(true);
  });
});

describe('a disconnect', () => {
  it('has no stack to format, and leaves those of others alone', () => {
    expect(new ClientDisconnectedError().stack).toBe('AbortError: The client disconnected before the answer was finished.');
    expect(new Error('a failure').stack).toContain('\n    at ');
  });
});
