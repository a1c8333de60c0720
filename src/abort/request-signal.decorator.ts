import { createParamDecorator } from '@nestjs/common';
import { OutsideAbortScopeError } from './abort.errors.js';
import { abortStorage } from './abort-storage.js';

/**
 * Injects the request's `AbortSignal` into a handler of any type (promise, Observable, generator, SSE). It aborts with
 * `ClientDisconnectedError` when the client leaves before the answer is finished, and never once it has been answered.
 * Needs `AbortModule`.
 */
export const RequestSignal = createParamDecorator((): AbortSignal => {
  const frame = abortStorage.getStore();
  if (!frame) throw new OutsideAbortScopeError('@RequestSignal()');
  return frame.scope.signal;
});
