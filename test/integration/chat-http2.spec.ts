import { once } from 'node:events';
import { connect, type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { TokenVerifier } from '../../src/auth/index.js';
import { eventually } from '../../src/testing/index.js';
import { startTestApp, type TestApp } from '../support/test-app.js';
import { longText } from '../support/tutor-model.js';

describe('a chat over HTTP/2', () => {
  let app: TestApp;
  let session: ClientHttp2Session;
  let token: string;

  beforeAll(async () => {
    app = await startTestApp({ http2: true });
    token = await app.app.get(TokenVerifier).issue('learner');
    session = connect(app.url);
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(async () => {
    session.destroy();
    await app.close();
  });

  function say(content: string, to = 'h2'): ClientHttp2Stream {
    const stream = session.request({
      ':method': 'POST',
      ':path': `/api/chat/sessions/${to}/messages`,
      authorization: `Bearer ${token}`,
      'content-type': 'application/json',
    });
    stream.end(JSON.stringify({ content }));
    return stream;
  }

  it('streams the reply to its end', async () => {
    const stream = say('Hello');
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect(headers).toMatchObject({ ':status': 200, 'content-type': 'text/event-stream' });
    const heard = await text(stream);
    expect(heard).toMatch(/^id: 1-1\nevent: task-start\n/);
    expect(heard).toMatch(/event: task-end\ndata: \{.*"state":"completed".*\}\n\n$/);
  });

  it('stops with the stream that is reset, on a connection that stays', async () => {
    app.model.script('chat', { stallAfter: 3, text: longText(10) }, { times: 1 });
    const stream = say('Hello');
    const call = await app.model.called('chat');
    await app.model.sent(call, 3);
    stream.on('error', () => undefined);
    stream.close();
    expect(await app.model.ended(call)).toMatchObject({ outcome: 'client_closed' });
    await eventually(() => app.logs.messages.includes('[ChatService] Chat reply cancelled by client disconnect (session=h2 user=learner)'));
    expect(await text(say('Hello again'))).toContain('"state":"completed"');
    expect(app.logs.at('error')).toEqual([]);
  });

  it('is not read and so not said, while others on the same connection are', async () => {
    app.model.script('chat', { text: longText(300_000) }, { times: 1 });
    const unread = say('Everything').pause();
    const call = await app.model.called('chat');
    let [sent, since] = [0, performance.now()];
    await eventually(
      () => {
        if (call.chunksSent === sent) return performance.now() - since > 1000;
        [sent, since] = [call.chunksSent, performance.now()];
        return false;
      },
      { timeoutMs: 20_000 },
    );
    expect(call.outcome).toBeUndefined();
    expect(await text(say('Hello', 'other'))).toContain('"state":"completed"');
    unread.on('error', () => undefined);
    unread.close();
    expect(await app.model.ended(call)).toMatchObject({ outcome: 'client_closed' });
  });
});
