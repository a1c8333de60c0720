import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { SocketClient, type Answer, type Call } from '../../src/testing/index.js';
import { KeyServer } from '../support/key-server.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const QUIZ = { book_id: 1, chapter_id: 101, exercise_type: 'vocabulary', question_count: 2 };

interface Quiz {
  readonly id: string;
  readonly questions: readonly { readonly id: string }[];
}

describe('who may ask', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp();
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(() => app.close());

  const bare = async (path: string, headers?: Record<string, string>): Promise<Answer> => {
    const client = new SocketClient(app.url, headers);
    const answer = await client.get(path).answer;
    client.close();
    return answer!;
  };

  const expectUnauthorized = ({ status, headers, json }: Answer, detail: string): void => {
    expect(status).toBe(401);
    expect(headers['www-authenticate']).toBe('Bearer');
    expect(headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(json()).toEqual({ type: 'about:blank', title: 'Unauthorized', status: 401, code: 'unauthorized', detail });
  };

  it.each([
    ['no header', undefined],
    ['an empty header', ''],
    ['another scheme', 'Basic bGVhcm5lcjpzZWNyZXQ='],
    ['a scheme without a token', 'Bearer'],
    ['a bare token', 'eyJhbGciOiJIUzI1NiJ9.e30.x'],
  ])('is told how to send a token where there is %s', async (_, authorization) => {
    const answer = await bare('/api/books', authorization === undefined ? {} : { authorization });
    expectUnauthorized(answer, 'Send a token: Authorization: Bearer <JWT>.');
  });

  it('is refused with a token that is none, on every kind of route', async () => {
    const headers = { authorization: 'Bearer x' };
    for (const path of ['/api/books', '/api/books/1/chapters', '/api/quizzes', `/api/quizzes/${randomUUID()}`])
      expectUnauthorized(await bare(path, headers), 'The token is not valid.');
  });

  it('is refused before a body is looked at, and before any work begins', async () => {
    const client = new SocketClient(app.url);
    for (const path of ['/api/quizzes/generate', '/api/quizzes/validate-answer']) {
      const answer = await client.post(path, { nonsense: true }).answer;
      expectUnauthorized(answer!, 'Send a token: Authorization: Bearer <JWT>.');
    }
    client.close();
    expect(app.model.journal).toEqual([]);
    expect(app.queries.reports).toEqual([]);
  });

  it('is told that the token has expired', async () => {
    const token = await sign(Math.floor(Date.now() / 1000) - 60);
    expectUnauthorized(await bare('/api/books', { authorization: `Bearer ${token}` }), 'The token has expired.');
  });

  it('may write the scheme in any case', async () => {
    const token = await sign('1h');
    expect((await bare('/api/books', { authorization: `bearer ${token}` })).status).toBe(200);
  });

  it.each(['/health', '/ready', '/docs', '/docs-json'])('may be anybody at %s', async (path) => {
    expect((await bare(path)).status).toBe(200);
  });
});

describe('whose quiz it is', () => {
  let app: TestApp;
  let ada: SocketClient;
  let bob: SocketClient;
  let quiz: Quiz;

  beforeAll(async () => {
    app = await startTestApp();
    [ada, bob] = [await app.client('ada'), await app.client('bob')];
    quiz = (await ada.post('/api/quizzes/generate', QUIZ).answer)!.json<{ quiz: Quiz }>().quiz;
  }, 60_000);
  afterAll(() => app.close());

  /** All that a caller can see of an answer, but for the moment and for the ids that the question held. */
  async function seen(call: Call, ...ids: string[]): Promise<object> {
    const answer = (await call.answer)!;
    const text = ids.reduce((before, id) => before.replaceAll(id, '<id>'), answer.text);
    const { date, 'x-task-id': taskId, ...headers } = answer.headers;
    return { status: answer.status, text, headers: { ...headers, date: typeof date, taskId: typeof taskId } };
  }

  it('is found by its owner', async () => {
    expect((await ada.get(`/api/quizzes/${quiz.id}`).answer)?.json()).toMatchObject({ id: quiz.id });
  });

  it('is answered to anybody else exactly as one that does not exist', async () => {
    const unknown = randomUUID();
    const foreign = await seen(bob.get(`/api/quizzes/${quiz.id}`), quiz.id);
    expect(foreign).toMatchObject({ status: 404, text: expect.stringContaining('quiz_not_found') });
    expect(foreign).toEqual(await seen(bob.get(`/api/quizzes/${unknown}`), unknown));
  });

  it('takes no answers from anybody else, and gives none away', async () => {
    const [unknown, question] = [randomUUID(), quiz.questions[0]!.id];
    const answering = (quiz_id: string) => bob.post('/api/quizzes/validate-answer', { quiz_id, question_id: question, answer: 'x' });
    const foreign = await seen(answering(quiz.id), quiz.id);
    expect(foreign).toMatchObject({ status: 404, text: expect.stringContaining('quiz_not_found') });
    expect(foreign).toEqual(await seen(answering(unknown), unknown));
  });

  it('is in the list of its owner alone', async () => {
    expect((await ada.get('/api/quizzes').answer)?.json()).toMatchObject({ quizzes: [{ id: quiz.id }] });
    expect((await bob.get('/api/quizzes').answer)?.json()).toEqual({ quizzes: [] });
  });

  it('is seen by an administrator', async () => {
    const admin = await app.client('root', { scope: 'quizzes hangup:admin' });
    expect((await admin.get(`/api/quizzes/${quiz.id}`).answer)?.json()).toMatchObject({ id: quiz.id });
    expect((await admin.get('/api/quizzes').answer)?.json()).toMatchObject({ quizzes: [{ id: quiz.id }] });
  });
});

describe('who signed', () => {
  let app: TestApp;
  let keys: KeyServer;

  beforeAll(async () => {
    keys = await KeyServer.start();
    await keys.stop();
    app = await startTestApp({ env: { JWKS_URL: keys.url } });
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(async () => {
    await app.close();
    await keys.stop();
  });

  async function asking(token: string): Promise<Answer> {
    const client = new SocketClient(app.url, { authorization: `Bearer ${token}` });
    const answer = await client.get('/api/books').answer;
    client.close();
    return answer!;
  }

  it('cannot be known while the key server is down: that is a 503 and a warning, and not the token`s fault', async () => {
    const answer = await asking(await keys.sign('RS256', { sub: 'ada' }));
    expect(answer.status).toBe(503);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    expect(answer.headers['www-authenticate']).toBeUndefined();
    expect(answer.json()).toMatchObject({ code: 'auth_unavailable' });
    expect(answer.text).not.toContain('ECONNREFUSED');
    expect(app.logs.at('error')).toEqual([]);
    expect(app.logs.messages).toContain('[Auth] The key server gave no keys, so tokens cannot be verified');
  });

  it('is verified with the published keys as soon as the key server answers', async () => {
    await keys.listen();
    for (const alg of ['RS256', 'ES256']) expect((await asking(await keys.sign(alg, { sub: 'ada' }))).status).toBe(200);
  });

  it('is not whoever knows the public key: an HS256 token is refused', async () => {
    for (const secret of await keys.publicForms('RS256')) {
      const unsigned = new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'HS256', kid: 'RS256' }).setExpirationTime('1h');
      expect(await asking(await unsigned.sign(new TextEncoder().encode(secret)))).toMatchObject({ status: 401 });
    }
  });
});

/** With the secret that test apps have. */
function sign(exp: number | string): Promise<string> {
  const secret = new TextEncoder().encode('a secret for tests that is long enough');
  return new SignJWT({ sub: 'learner' }).setProtectedHeader({ alg: 'HS256' }).setExpirationTime(exp).sign(secret);
}
