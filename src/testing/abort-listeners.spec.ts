import { describe, expect, it } from '@jest/globals';
import { abortListenersOf, expectNoAbortListeners } from './index.js';

describe('The listeners on a signal', () => {
  it('are named as far as they have names', () => {
    const { signal } = new AbortController();
    const onAbort = (): void => undefined;
    signal.addEventListener('abort', onAbort);
    signal.addEventListener('abort', () => signal.aborted);
    signal.addEventListener('abort', { handleEvent: onAbort });
    expect(abortListenersOf(signal)).toEqual(['onAbort', '()=>signal.aborted', 'an object with handleEvent']);
  });

  it('fail the test where there are any left', () => {
    const { signal } = new AbortController();
    const onAbort = (): void => undefined;
    const stop = (): void => undefined;
    expectNoAbortListeners(signal);
    signal.addEventListener('abort', onAbort);
    expect(() => expectNoAbortListeners(signal)).toThrow('1 listener is left on the signal: onAbort');
    signal.addEventListener('abort', stop);
    expect(() => expectNoAbortListeners(signal)).toThrow('2 listeners are left on the signal: onAbort, stop');
    const [third, fourth] = [new AbortController(), new AbortController()].map(() => ({ onAbort: (): void => undefined }).onAbort);
    signal.addEventListener('abort', third!);
    signal.addEventListener('abort', fourth!);
    expect(() => expectNoAbortListeners(signal)).toThrow('4 listeners are left on the signal: onAbort (3), stop');
    signal.removeEventListener('abort', third!);
    signal.removeEventListener('abort', fourth!);
    signal.removeEventListener('abort', onAbort);
    signal.removeEventListener('abort', stop);
    expectNoAbortListeners(signal);
  });
});
