import { afterEach, describe, expect, it } from '@jest/globals';
import { performance } from 'node:perf_hooks';
import OpenAI from 'openai';
import { expectNoAbortListeners } from '../../testing/index.js';
import { humanPace } from './human-pace.js';
import { chunkText, startOfflineModel, type ModelCall, type ModelServer, type OfflineModelOptions } from './index.js';

const MESSAGES = [{ role: 'user' as const, content: 'Who are you?' }];
const HOUR = 3_600_000;

let server: ModelServer | undefined;

async function open(options?: OfflineModelOptions): Promise<OpenAI> {
  server = await startOfflineModel(options);
  return new OpenAI({ apiKey: 'none', baseURL: server.baseUrl, maxRetries: 0 });
}

afterEach(() => server?.stop());

describe('The offline model server', () => {
  it('lists its two models', async () => {
    const client = await open();
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toEqual(['hangup-offline', 'hangup-offline-embedding']);
  });

  it('answers at the pace it is set to, streamed or not', async () => {
    const client = await open({ firstTokenMs: 40, tokensPerSecond: 500 });
    const start = performance.now();
    const { choices } = await client.chat.completions.create({ model: 'hangup-offline', messages: MESSAGES });
    const chunks = chunkText(choices[0]?.message.content ?? '').length;
    expect(performance.now() - start).toBeGreaterThan(40 + chunks * 2 - 5);
  });

  it('embeds at once, whatever the pace', async () => {
    const client = await open({ firstTokenMs: HOUR });
    const { data } = await client.embeddings.create({ model: 'hangup-offline-embedding', input: 'hello' });
    expect(data[0]?.embedding).toHaveLength(256);
  });

  it('waits on no clock that keeps the process alive, and lets go of it as soon as the client leaves', async () => {
    const pace = humanPace({ firstTokenMs: HOUR, tokensPerSecond: 60 });
    const controller = new AbortController();
    const clocks = countClocks();
    const call = { kind: 'chat', receivedAt: performance.now() } as ModelCall;
    const first = Promise.resolve(pace.onCall?.(call, controller.signal));
    const next = Promise.resolve(pace.beforeChunk?.(call, 0, controller.signal));
    expect(countClocks()).toBe(clocks);
    controller.abort(new Error('left'));
    expect(await Promise.allSettled([first, next])).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    expectNoAbortListeners(controller.signal);
  });
});

/** Timers that keep the process alive. */
function countClocks(): number {
  return process.getActiveResourcesInfo().filter((resource) => resource === 'Timeout').length;
}
