import { startOfflineModel } from '../../llm/offline/index.js';
import { serve } from '../harness/serve.js';

let stop: () => Promise<void> = () => Promise.resolve();

/** The built-in model in a process of its own, as a hosted one is. */
const api = {
  async start(): Promise<string> {
    const server = await startOfflineModel({ firstTokenMs: 50, tokensPerSecond: 2000 });
    stop = () => server.stop();
    return server.baseUrl;
  },
};
export type HostedModel = typeof api;

serve(api, () => stop());
