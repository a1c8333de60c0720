import { hrtime } from 'node:process';
import { once } from 'node:events';
import { ModelServer, OfflineModel } from '../../llm/offline/index.js';
import { serve, tell } from '../harness/serve.js';
import { TASK_HEADER } from './labels.js';

/** How far an answer gets before it waits for its reader to leave. */
const CHUNKS = 12;

const model = new OfflineModel();
const server = new ModelServer({
  answer: (request) => model.answer(request),
  embed: (input) => model.embed(input),
  hooks: {
    beforeChunk: async ({ kind, headers }, index, signal) => {
      if (kind !== 'chat' || index !== CHUNKS) return undefined;
      tell('answering', headers[TASK_HEADER]);
      await once(signal, 'abort');
      return undefined;
    },
    // Runs synchronously in the response's own 'close'.
    onEnd: ({ kind, headers, outcome }) => {
      const at = hrtime.bigint();
      if (kind === 'chat') tell('closed', { task: headers[TASK_HEADER], at, outcome });
    },
  },
});

/** When the model server saw the call of a task lose its socket, on the machine's monotonic clock: the same for all processes (Linux). */
export interface Closed {
  readonly task: string;
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
export type HeldModel = typeof api;

serve(api, () => server.stop());
