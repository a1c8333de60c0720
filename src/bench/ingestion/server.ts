import { createApp } from '../../app.setup.js';
import { TokenVerifier } from '../../auth/index.js';
import { loadConfig } from '../../config/index.js';
import { serve } from '../harness/serve.js';

let close: () => Promise<void> = () => Promise.resolve();

/** The whole app as `main.ts` starts it. */
const api = {
  async start(env: Readonly<Record<string, string>>): Promise<{ url: string; token: string }> {
    const app = await createApp(loadConfig({ LOG_LEVEL: 'silent', HOST: '127.0.0.1', PORT: '0', OPENAI_API_KEY: 'bench', ...env }));
    close = () => app.close();
    await app.listen(0, '127.0.0.1');
    return { url: await app.getUrl(), token: await app.get(TokenVerifier).issue('learner') };
  },
};
export type IngestingServer = typeof api;

serve(api, () => close());
