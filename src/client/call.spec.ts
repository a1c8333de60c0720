import { describe, expect, it } from '@jest/globals';
import { abortListenersOf, expectNoAbortListeners, Gate } from '../testing/index.js';
import { Call } from './call.js';
import { CancelledError } from './errors.js';

/** A call with a record of what happens to it. */
function recorded(work: (signal: AbortSignal) => Promise<unknown>) {
  const [page, order]: [AbortController, string[]] = [new AbortController(), []];
  const cancel = () => {
    order.push('cancelled');
    return Promise.resolve(undefined);
  };
  const call = new Call({ signal: page.signal, cancel });
  call.signal.addEventListener('abort', () => order.push('cut'));
  const outcome = call.run(work).then(
    () => order.push('answered'),
    (error: unknown) => order.push((error as Error).name),
  );
  return { page, order, outcome };
}

describe('a call', () => {
  it('that is aborted sends its cancel, then cuts its request, then rejects, whatever its work does', async () => {
    const { page, order, outcome } = recorded(() => new Gate().wait());
    page.abort();
    expect(order).toEqual(['cancelled', 'cut']);
    await outcome;
    expect(order).toEqual(['cancelled', 'cut', 'AbortError']);
    expectNoAbortListeners(page.signal);
  });

  it('that has been answered is neither cancelled nor cut', async () => {
    const { page, order, outcome } = recorded(() => Promise.resolve());
    await outcome;
    page.abort();
    expect([order, abortListenersOf(page.signal)]).toEqual([['answered'], []]);
  });

  it('that has failed is not cancelled either', async () => {
    const { page, order, outcome } = recorded(() => Promise.reject(new TypeError()));
    await outcome;
    page.abort();
    expect([order, abortListenersOf(page.signal)]).toEqual([['TypeError'], []]);
  });

  it('whose work fails late, after its abort, troubles nobody', async () => {
    const gate = new Gate();
    const { page, order, outcome } = recorded(async () => {
      await gate.wait();
      throw new Error('late');
    });
    page.abort();
    await outcome;
    gate.open();
    await new Promise(setImmediate);
    expect(order).toEqual(['cancelled', 'cut', 'AbortError']);
  });

  it('of a signal that was aborted before asks nothing', async () => {
    const call = new Call({ signal: AbortSignal.abort() });
    let isAsked = false;
    const run = call.run(() => Promise.resolve((isAsked = true)));
    await expect(run).rejects.toBeInstanceOf(CancelledError);
    expect(isAsked).toBe(false);
  });
});
