import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { Logger } from '@nestjs/common';
import { isAbortReason } from '../abort/index.js';
import type { EventStream } from './event-stream.js';

/** What is used of Fastify's reply, under HTTP/1 and HTTP/2. */
export interface EventReply {
  readonly raw: ServerResponse;
  readonly request: { readonly method: string };
  readonly statusCode: number;
  header(name: string, value: string): unknown;
  getHeaders(): Record<string, number | string | string[] | undefined>;
  hijack(): unknown;
  send(payload?: unknown): unknown;
  status(code: number): this;
}

const logger = new Logger('Events');

/**
 * Sends what a stream tells, each event when the client has room for it, to the end of both: a handler with `@Res()` awaits it. Rejects with
 * what fails before anything has gone out, so that filters can still answer; after that it never rejects.
 *
 * `signal` is that of the client: once it aborts, the stream is let go of. Nothing here listens for the response to close, where thousands
 * may do so at once. Nest and Fastify would: three watchers a stream, each of which makes an error with a stack when its client leaves.
 */
export async function sendEvents(reply: EventReply, stream: EventStream, signal: AbortSignal): Promise<void> {
  const leave = (): void => void stream.return();
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  try {
    if (reply.request.method === 'HEAD') begin(reply).end();
    else await sendAll(reply, stream, signal);
  } finally {
    signal.removeEventListener('abort', leave);
    leave();
  }
}

async function sendAll(reply: EventReply, stream: EventStream, signal: AbortSignal): Promise<void> {
  const first = await stream.next();
  signal.throwIfAborted();
  const raw = begin(reply);
  try {
    for (let piece = first; !piece.done; piece = await stream.next()) {
      if (!raw.write(piece.value)) await once(raw, 'drain', { signal });
    }
    if (!signal.aborted) raw.end();
  } catch (error) {
    // Whoever listens sees it break off, and comes back.
    raw.destroy();
    if (!signal.aborted && !isAbortReason(error)) logger.error({ msg: '[Events] A stream broke off', err: error });
  }
}

/** From here on the answer is ours. */
function begin(reply: EventReply): ServerResponse {
  reply.hijack();
  reply.raw.writeHead(reply.statusCode, reply.getHeaders());
  return reply.raw;
}
