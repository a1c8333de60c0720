import { setTimeout as delay } from 'node:timers/promises';
import type { Child } from '../harness/child.js';
import type { EventLoop } from '../harness/event-loop.js';
import type { RawPost } from '../harness/raw-post.js';
import type { Crowd } from './crowd.js';
import type { SlowModel } from './model.js';

const OPENED_AT_ONCE = 200;
/** The calls are under way for a while before their clients leave. */
const HELD_MS = 3000;

/** Who is around the one that is measured. */
export interface Surroundings {
  readonly model: Child<SlowModel>;
  readonly crowd: Child<Crowd>;
}

export interface Cut {
  /** When the clients left, on the machine's monotonic clock. */
  readonly at: bigint;
  /** From there until the last call had lost its socket at the model, in milliseconds. */
  readonly closedMs: number;
}

/** Opens a stream for each request, one model call each, and cuts all of them in one turn while all the calls are in flight. */
export async function cutAll({ model, crowd }: Surroundings, server: Child<EventLoop>, requests: readonly RawPost[]): Promise<Cut> {
  await model.call('begin');
  for (let i = 0; i < requests.length; i += OPENED_AT_ONCE) await crowd.call('open', requests.slice(i, i + OPENED_AT_ONCE));
  await model.call('inFlight', requests.length);
  await delay(HELD_MS);
  await server.call('watch');
  const ended = model.call('ended', requests.length);
  // It is awaited below; what goes wrong before that is what is to be told.
  ended.catch(() => undefined);
  const at = await crowd.call('cut');
  const { lastClosedAt, others } = await ended;
  if (others > 0) throw new Error(`${others} calls ended before anybody hung up.`);
  return { at, closedMs: Number(lastClosedAt - at) / 1e6 };
}
