/**
 * Calls `fn` when the signal aborts; at once where it has, as a listener would not be: a look at an ambient signal may be what aborts it.
 * Returns what lets go of it.
 */
export function whenAborted(signal: AbortSignal, fn: () => void): () => void {
  if (signal.aborted) {
    fn();
    return noop;
  }
  signal.addEventListener('abort', fn, { once: true });
  return () => signal.removeEventListener('abort', fn);
}

function noop(): void {
  // Nothing listens.
}
