import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { TokenVerifier } from '../../src/auth/index.js';
import { appClient } from '../support/app-client.js';
import { Arrivals } from '../support/arrivals.js';
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

/** What React Native lacks, and its `fetch`: an answer comes as a whole, as text. */
const NATIVE = `
  const { fetch: whole } = globalThis;
  const native = async (url, init) => {
    const response = await whole(url, init);
    const text = await response.text();
    return { ok: response.ok, status: response.status, headers: response.headers, text: async () => text };
  };
  await native(process.env.URL + '/health', {});
  for (const name of ['crypto', 'fetch', 'TextDecoder', 'URLSearchParams', 'structuredClone']) delete globalThis[name];
  for (const name of ['any', 'timeout']) delete AbortSignal[name];
  delete Promise.withResolvers;
  const { HangupClient, CancelledError } = client;
  const hangup = new HangupClient({ baseUrl: process.env.URL, token: process.env.TOKEN, fetch: native });
  const streams = [
    (signal) => hangup.quizzes.stream({ book_id: 1, chapter_id: 101, exercise_type: 'mixed', question_count: 2 }, { signal }),
    (signal) => hangup.chat.send('native', { content: 'Hello' }, { signal }),
  ];
`;

const LISTEN = `${NATIVE}
  for (const stream of streams) {
    const types = [];
    for await (const { type } of stream()) types.push(type);
    console.log([...new Set(types)].join());
  }
`;

/** The answer to the books comes when the model is at work. */
const STOP = `${NATIVE}
  for (const stream of streams) {
    const page = new AbortController();
    const next = stream(page.signal).next();
    await hangup.books.list();
    page.abort();
    const error = await next.catch((thrown) => thrown);
    console.log(error instanceof CancelledError, (await error.confirmation).status);
  }
`;

describe('the client in a process of its own', () => {
  const arrivals = new Arrivals();
  let app: TestApp;
  let proxy: TcpProxy;
  let alone: ClientProcess;

  beforeAll(async () => {
    app = await startTestApp({ prepare: (app) => arrivals.watch(app) });
    proxy = await TcpProxy.start(app.url);
    alone = await ClientProcess.build();
  }, 60_000);
  afterEach(() => {
    app.reset();
    arrivals.before = undefined;
  });
  afterAll(async () => {
    await alone.remove();
    await proxy.stop();
    await app.close();
  });

  it('needs nothing but itself, and leaves nothing that keeps the process', async () => {
    const env = { URL: app.url, TOKEN: await app.app.get(TokenVerifier).issue('learner') };
    expect(await alone.run(MODULE, env, WITHIN_MS)).toMatch(/^completed\ntrue (pending|cancelled)\n$/);
  });

  it('hears with what React Native has: all of a stream at its end', async () => {
    const env = { URL: app.url, TOKEN: await app.app.get(TokenVerifier).issue('native') };
    expect((await alone.run(LISTEN, env, WITHIN_MS)).split('\n')).toEqual([
      expect.stringMatching(/^task-start,.*question,.*evaluation,task-end$/),
      expect.stringMatching(/^task-start,.*text-delta,.*task-end$/),
      '',
    ]);
  });

  it('stops a stream with what React Native has, before anything of it was heard: once, and down to the socket of the model', async () => {
    const env = { URL: app.url, TOKEN: await app.app.get(TokenVerifier).issue('stopping') };
    const purposes = ['quiz', 'chat'];
    for (const purpose of purposes) app.model.script(purpose, { stallAfter: 3 });
    const atWork = purposes.values();
    arrivals.before = async ({ url }) => {
      if (url === '/api/books') await app.model.sent(await app.model.called(String(atWork.next().value)), 3);
    };
    expect(await alone.run(STOP, env, WITHIN_MS)).toBe('true cancelled\ntrue cancelled\n');
    const calls = await Promise.all(purposes.map((purpose) => app.model.called(purpose)));
    expect(calls.map(({ outcome }) => outcome)).toEqual(['client_closed', 'client_closed']);
    const { tasks } = await (await appClient(app, { user: 'stopping' })).tasks.list();
    expect(tasks.map(({ id, state }) => [state, arrivals.cancels(id)])).toEqual([
      ['cancelled', 1],
      ['cancelled', 1],
    ]);
  });

  it('leaves nothing either where its connections break', async () => {
    proxy.cutAfterBytes = 5003;
    const env = { URL: proxy.url, TOKEN: await app.app.get(TokenVerifier).issue('learner') };
    expect(await alone.run(MODULE, env, WITHIN_MS)).toMatch(/^completed\ntrue (pending|cancelled)\n$/);
  });
});
