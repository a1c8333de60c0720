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
 * `signal` is that of the client: once it aborts, the stream is let go of. While there is room, nothing here listens for the response to
 * close, where thousands may do so at once: Nest and Fastify would, with three watchers a stream, each of which makes an error with a stack
 * when its client leaves. Where no signal tells of a client that has left, the next event or heartbeat finds out.
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
  const isGone = (): boolean => signal.aborted || raw.destroyed;
  try {
    for (let piece = first; !piece.done && !isGone(); piece = await stream.next()) {
      if (!raw.write(piece.value) && !isGone()) await hasRoom(raw, signal);
    }
    if (isGone()) raw.destroy();
    else raw.end();
  } catch (error) {
    // Whoever listens sees it break off, and comes back.
    raw.destroy();
    if (!signal.aborted && !isAbortReason(error)) logger.error({ msg: '[Events] A stream broke off', err: error });
  }
}

/** From here on the answer is ours. */
function begin(reply: EventReply): ServerResponse {
  reply.raw.writeHead(reply.statusCode, reply.getHeaders());
  reply.hijack();
  return reply.raw;
}

/** Resolves when the client has taken what waits for it, or never will. */
function hasRoom(raw: ServerResponse, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      raw.removeListener('drain', done).removeListener('close', done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    raw.once('drain', done).once('close', done);
    signal.addEventListener('abort', done, { once: true });
  });
}
