import { describe, expect, it } from '@jest/globals';
import { Gate } from '../../src/testing/index.js';
import { Chatter, type LiveReply } from '../support/chat-client.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { longText } from '../support/tutor-model.js';

describe('a reply whose server leaves', () => {
  /** A reply that has said five chunks, and waits; its server has been told to leave. */
  async function leaving(drainTimeoutMs: number): Promise<{ app: TestApp; reply: LiveReply; gate: Gate; left: Promise<void> }> {
    const app = await startTestApp({ env: { DRAIN_TIMEOUT_MS: String(drainTimeoutMs) } });
    const gate = new Gate();
    app.model.script('chat', { holdAfter: 5, gate, text: longText(40) });
    const reply = (await Chatter.of(app, 'drain')).say('Hello');
    await app.model.sent(await app.model.called('chat'), 5);
    return { app, reply, gate, left: app.close() };
  }

  it('is heard to its end, where there is time', async () => {
    const { reply, gate, left } = await leaving(20_000);
    gate.open();
    await reply.heard();
    expect(await reply.end()).toMatchObject({ state: 'completed' });
    expect(reply.text).toBe(longText(40));
    await left;
  }, 60_000);

  it('is cut where there is none, and its client hears why', async () => {
    const { app, reply, left } = await leaving(100);
    await reply.heard();
    expect(await reply.end()).toMatchObject({ state: 'cancelled', cause: 'drain', reason: null, usage: { estimated: true } });
    await left;
    expect(app.model.journal[0]).toMatchObject({ outcome: 'client_closed', chunksSent: 5 });
    expect(app.logs.messages).toContain('[ChatService] Chat reply cancelled by server drain (session=drain user=learner)');
    expect(app.logs.at('error')).toEqual([]);
  }, 60_000);
});
