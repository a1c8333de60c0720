import { hrtime } from 'node:process';
import { once } from 'node:events';
import { ModelServer, OfflineModel } from '../../llm/offline/index.js';
import { serve, tell } from '../harness/serve.js';

/** How far an answer gets before it waits for its reader to leave. */
const CHUNKS = 12;

const model = new OfflineModel();
const server = new ModelServer({
  answer: (request) => model.answer(request),
  embed: (input) => model.embed(input),
  hooks: {
    beforeChunk: async ({ kind }, index, signal) => {
      if (kind !== 'chat' || index !== CHUNKS) return undefined;
      tell('answering');
      await once(signal, 'abort');
      return undefined;
    },
    // Runs synchronously in the response's own 'close'.
    onEnd: ({ kind, outcome }) => {
      const at = hrtime.bigint();
      if (kind === 'chat') tell('closed', { at, outcome });
    },
  },
});

/** When the model server saw its socket close, on the machine's monotonic clock: the same for all processes (Linux). */
export interface Closed {
  readonly at: bigint;
  readonly outcome: string;
}

/** A model that answers a little and then waits until its reader has gone. */
const api = {
  async start(): Promise<string> {
    await server.start();
    return server.baseUrl;
  },
};
export type Model = typeof api;

serve(api, () => server.stop());
