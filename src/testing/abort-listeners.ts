import { getEventListeners } from 'node:events';
import { describeList } from './describe-list.js';

/** The listeners for `abort` on a signal, named as far as they have names. */
export function abortListenersOf(signal: AbortSignal): string[] {
  return getEventListeners(signal, 'abort').map((listener) => describeListener(listener as (() => unknown) | object));
}

/**
 * Asserts that nobody listens to the signal any more. For after the work, whichever way it ended: a listener that is left on a signal
 * that lives on keeps all that it knows in memory.
 */
export function expectNoAbortListeners(signal: AbortSignal): void {
  const left = abortListenersOf(signal);
  if (left.length > 0) throw new Error(describeListeners(left));
}

export function describeListeners(left: readonly string[]): string {
  return `${left.length} listener${left.length === 1 ? ' is' : 's are'} left on the signal: ${describeList(left)}`;
}

/** Its name, else the beginning of its text. */
function describeListener(listener: (() => unknown) | object): string {
  if (typeof listener !== 'function') return 'an object with handleEvent';
  return listener.name || listener.toString().replaceAll(/\s+/g, ' ').slice(0, 60);
}
