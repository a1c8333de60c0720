import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TokenVerifier } from '../../src/auth/index.js';
import { ClientProcess } from '../support/client-process.js';
import { TcpProxy } from '../support/tcp-proxy.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

/** A stream is taken for broken after longer than this, so that a timer that was left would keep the process. */
const WITHIN_MS = 30_000;

const MODULE = `
  const { HangupClient, CancelledError } = client;
  const { URL: baseUrl, TOKEN: token } = process.env;
  const hangup = new HangupClient({ baseUrl, token });
  const quiz = { book_id: 1, chapter_id: 101, exercise_type: 'mixed', question_count: 2 };
  await hangup.quizzes.generate(quiz);
  for await (const event of hangup.quizzes.stream(quiz)) if (event.type === 'question') break;
  for await (const event of hangup.chat.send('evening', { content: 'Hello' })) if (event.type === 'task-end') console.log(event.data.state);
  const page = new AbortController();
  const aborted = hangup.quizzes.generate(quiz, { signal: page.signal });
  page.abort();
  const error = await aborted.catch((thrown) => thrown);
  console.log(error instanceof CancelledError, (await error.confirmation).status);
  const unread = hangup.quizzes.stream(quiz);
  await unread.next();
  await unread.return();
`;

describe('the client in a process of its own', () => {
  let app: TestApp;
  let proxy: TcpProxy;
  let alone: ClientProcess;

  beforeAll(async () => {
    app = await startTestApp();
    proxy = await TcpProxy.start(app.url);
    alone = await ClientProcess.build();
  }, 60_000);
  afterAll(async () => {
    await alone.remove();
    await proxy.stop();
    await app.close();
  });

  it('needs nothing but itself, and leaves nothing that keeps the process', async () => {
    const env = { URL: app.url, TOKEN: await app.app.get(TokenVerifier).issue('learner') };
    expect(await alone.run(MODULE, env, WITHIN_MS)).toMatch(/^completed\ntrue (pending|cancelled)\n$/);
  });

  it('leaves nothing either where its connections break', async () => {
    proxy.cutAfterBytes = 5003;
    const env = { URL: proxy.url, TOKEN: await app.app.get(TokenVerifier).issue('learner') };
    expect(await alone.run(MODULE, env, WITHIN_MS)).toMatch(/^completed\ntrue (pending|cancelled)\n$/);
  });
});
