/**
 * The same bytes in pieces of exactly `size`, but for the last. Reads no further ahead than one piece, so that whoever is slow to take
 * them slows down the source. Throws the reason of `signal` also while the source is silent.
 */
export async function* chunked(source: AsyncIterable<Uint8Array>, size: number, signal: AbortSignal): AsyncGenerator<Buffer> {
  let pending: Uint8Array[] = [];
  let length = 0;
  for await (const piece of unlessAborted(source, signal)) {
    pending.push(piece);
    length += piece.length;
    if (length < size) continue;
    const joined = Buffer.concat(pending);
    const whole = length - (length % size);
    for (let at = 0; at < whole; at += size) yield joined.subarray(at, at + size);
    pending = [joined.subarray(whole)];
    length -= whole;
  }
  if (length > 0) yield Buffer.concat(pending);
}

async function* unlessAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => undefined);
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  const iterator = source[Symbol.asyncIterator]();
  try {
    for (;;) {
      signal.throwIfAborted();
      const result: IteratorResult<T, unknown> = await Promise.race([iterator.next(), aborted]);
      if (result.done === true) return;
      yield result.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    leave(iterator);
  }
}

/** Not waited for: a source that is silent never answers. What it fails with concerns nobody any more. */
function leave(iterator: AsyncIterator<unknown>): void {
  iterator.return?.().catch(() => undefined);
}
