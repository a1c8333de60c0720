import { hrtime } from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { ModelServer, OfflineModel, type ChatRequest, type ModelCall } from '../../llm/offline/index.js';
import { serve } from '../harness/serve.js';
import { Count } from './count.js';

/** So much of each answer comes at once: then the call is in flight. */
const CHUNKS_AT_ONCE = 12;
const MS_PER_CHUNK = 4000;
const LONG_REPLY = 'There is more to be said of the sea than anybody has the time to hear. '.repeat(50);

/** The calls of a round, as the model server saw them end. */
export interface Journal {
  /** When the last of them lost its socket, on the machine's monotonic clock: the same for all processes (Linux). */
  readonly lastClosedAt: bigint;
  readonly closed: number;
  /** Ended otherwise than by their client. */
  readonly others: number;
}

const offline = new OfflineModel();
const inFlight = new Count();
const ended = new Count();
let journal: Journal = { lastClosedAt: 0n, closed: 0, others: 0 };

const server = new ModelServer({
  answer: (request) => (isReply(request) ? LONG_REPLY : offline.answer(request)),
  embed: (input) => offline.embed(input),
  hooks: { beforeChunk, onEnd },
});

function isReply({ response_format }: ChatRequest): boolean {
  return response_format === undefined;
}

async function beforeChunk({ kind }: ModelCall, index: number, signal: AbortSignal): Promise<undefined> {
  if (kind !== 'chat' || index < CHUNKS_AT_ONCE) return undefined;
  if (index === CHUNKS_AT_ONCE) inFlight.add();
  await delay(MS_PER_CHUNK, undefined, { signal });
  return undefined;
}

/** Runs synchronously in the response's own 'close'. */
function onEnd({ kind, outcome }: ModelCall): void {
  if (kind !== 'chat') return;
  const { closed, others } = journal;
  if (outcome === 'client_closed') journal = { lastClosedAt: hrtime.bigint(), closed: closed + 1, others };
  else journal = { ...journal, others: others + 1 };
  ended.add();
}

/** A hosted model that writes slowly, and keeps a journal. */
const api = {
  async start(): Promise<string> {
    await server.start();
    return server.baseUrl;
  },
  begin(): void {
    inFlight.reset();
    ended.reset();
    journal = { lastClosedAt: 0n, closed: 0, others: 0 };
  },
  inFlight: (calls: number) => inFlight.reached(calls),
  async ended(calls: number): Promise<Journal> {
    await ended.reached(calls);
    return journal;
  },
};
export type SlowModel = typeof api;

serve(api, () => server.stop());
