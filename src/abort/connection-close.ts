import type { Socket } from 'node:net';

/** What waits for a connection to close, and the one listener that tells it. */
interface Watch {
  readonly waiting: Set<() => void>;
  readonly tell: () => void;
}

const watches = new WeakMap<Socket, Watch>();

/**
 * Calls `onClose` when the connection closes; returns what calls it off. A connection gets one listener however many wait on it,
 * because its client chooses how many requests it pipelines, and none once nobody waits.
 */
export function onConnectionClose(socket: Socket, onClose: () => void): () => void {
  const { waiting, tell } = watches.get(socket) ?? watch(socket);
  waiting.add(onClose);
  return () => {
    if (!waiting.delete(onClose) || waiting.size > 0) return;
    watches.delete(socket);
    socket.removeListener('close', tell);
  };
}

function watch(socket: Socket): Watch {
  const waiting = new Set<() => void>();
  const tell = (): void => {
    for (const onClose of waiting) onClose();
  };
  const created = { waiting, tell };
  watches.set(socket, created);
  // The first to be told: Nest's own listener ends the response of an event stream, which would then look like an answer.
  socket.prependOnceListener('close', tell);
  return created;
}
