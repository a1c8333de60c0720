import { once } from 'node:events';
import { createServer, request as open } from 'node:http';
import type { AddressInfo } from 'node:net';
import { eventLoop } from '../harness/event-loop.js';
import { serve } from '../harness/serve.js';
import type { ContestantApi } from './contestants.js';

/** The least that a proxy can do: pipe both ways, and destroy its upstream when its client leaves. */
const api = {
  ...eventLoop,
  async start(modelUrl: string) {
    const server = createServer((request, response) => {
      const upstream = open(`${modelUrl}/chat/completions`, { method: 'POST', headers: { 'content-type': 'application/json' } });
      upstream.on('response', (answer) => answer.pipe(response));
      upstream.on('error', () => response.destroy());
      response.on('close', () => upstream.destroy());
      request.pipe(upstream);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const body = JSON.stringify({ model: 'bench', stream: true, messages: [{ role: 'user', content: 'Tell me about the sea.' }] });
    return { url: `http://127.0.0.1:${port}/`, headers: {}, body };
  },
} satisfies ContestantApi;

serve(api);
