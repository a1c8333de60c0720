import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AbortContext } from '../../src/abort/index.js';
import { Llm } from '../../src/llm/index.js';
import { eventually, Gate, type SocketClient } from '../../src/testing/index.js';
import { LedgerReader } from '../support/ledger.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const QUIZ = { book_id: 1, chapter_id: 103, exercise_type: 'grammar', question_count: 2 };
const KEY = 'sk-test-0123456789abcdef';
const openAiError = (message: string) => ({ error: { message, type: 'invalid_request_error', code: null } });

interface Problem {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
}

describe('when the model fails', () => {
  let app: TestApp;
  let client: SocketClient;

  beforeAll(async () => {
    app = await startTestApp({
      env: { LLM_MAX_RETRIES: '2', LLM_IDLE_TIMEOUT_MS: '3000', LLM_TIMEOUT_MS: '10000', LLM_MAX_CONCURRENCY: '2' },
    });
    client = await app.client();
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(() => app.close());

  async function fails(status: number): Promise<Problem & { retryAfter: string | undefined; taskId: string }> {
    const answer = await client.post('/api/quizzes/generate', QUIZ).answer;
    expect(answer?.status).toBe(status);
    expect(answer?.headers['content-type']).toMatch('application/problem+json');
    return { ...answer!.json<Problem>(), retryAfter: answer?.headers['retry-after'], taskId: String(answer?.headers['x-task-id']) };
  }
  const calls = (purpose: string) => app.model.journal.filter((call) => call.purpose === purpose);

  it('an error of the provider is a 502 with its own words, without the key', async () => {
    app.model.script('quiz', { status: 401, body: openAiError(`Incorrect API key provided: ${KEY}. Also sk-other-secret-key.`) });
    const problem = await fails(502);
    expect(problem).toMatchObject({ code: 'upstream_error' });
    expect(problem.detail).toContain('Incorrect API key provided: [redacted]');
    expect(JSON.stringify(problem)).not.toMatch(/sk-test|sk-other/);
    expect(JSON.stringify(app.logs.lines)).not.toContain(KEY);
    expect(calls('quiz')).toHaveLength(1);
  });

  it('a rate limit is a 503 that passes the time to wait on, and is not tried again before it', async () => {
    app.model.script('quiz', { status: 429, headers: { 'retry-after': '30' }, body: openAiError('Too many requests') });
    const problem = await fails(503);
    expect(problem).toMatchObject({ code: 'upstream_rate_limited', retryAfter: '30' });
    expect(calls('quiz')).toHaveLength(1);
  });

  it('a passing failure is tried again, and each attempt is booked', async () => {
    app.model.script('quiz', { status: 500, body: openAiError('Try again') }, { times: 1 });
    const answer = await client.post('/api/quizzes/generate', QUIZ).answer;
    expect(answer?.status).toBe(200);
    const booked = await LedgerReader.of(app).callsOf(answer!.json<{ task_id: string }>().task_id, 'generate_quiz');
    expect(booked.map(({ outcome }) => outcome)).toEqual(['failed', 'completed']);
  });

  it('a connection reset before the first byte is tried again, one reset in the middle of the answer is not', async () => {
    app.model.script('quiz', { reset: true }, { times: 1 });
    expect((await client.post('/api/quizzes/generate', QUIZ).answer)?.status).toBe(200);
    app.reset();
    app.model.script('quiz', { resetAfter: 5 });
    const { code, taskId } = await fails(502);
    expect(code).toBe('upstream_error');
    expect(calls('quiz')).toHaveLength(1);
    const [booked] = await LedgerReader.of(app).callsOf(taskId, 'generate_quiz');
    expect(booked).toMatchObject({ outcome: 'failed', is_exact: false });
    expect(booked!.completion_tokens).toBeGreaterThan(0);
  });

  it('a model that falls silent in the middle of its answer is a 504, and its socket is closed', async () => {
    app.model.script('quiz', { stallAfter: 3 });
    expect(await fails(504)).toMatchObject({ code: 'upstream_timeout', detail: 'The language model said nothing for 3000 ms.' });
    const [call] = calls('quiz');
    expect((await app.model.ended(call!)).outcome).toBe('client_closed');
  });

  it('hanging up while a retry is waiting ends it at once', async () => {
    app.model.script('quiz', { status: 429, headers: { 'retry-after': '5' }, body: openAiError('Too many requests') });
    const call = client.post('/api/quizzes/generate', QUIZ);
    await app.model.ended(await app.model.called('quiz'));
    await call.hangUp();
    await eventually(
      () => app.logs.messages.includes('[QuizService] Quiz generation cancelled by client disconnect (chapter=103 user=learner)'),
      { timeoutMs: 3000 },
    );
    expect(calls('quiz')).toHaveLength(1);
  });

  it('live requests do not wait behind dead ones: an abort leaves the queue at once', async () => {
    const gate = new Gate();
    app.model.script('quiz', { hold: gate });
    const holders = [client.post('/api/quizzes/generate', QUIZ), client.post('/api/quizzes/generate', QUIZ)];
    await app.model.called('quiz', 2);
    const dead = Array.from({ length: 10 }, () => client.post('/api/quizzes/generate', QUIZ));
    const waiting = () => app.queries.reports.filter(({ sql }) => sql.includes('question_results')).length;
    await eventually(() => waiting() === 12);
    await Promise.all(dead.map((call) => call.hangUp()));
    const skipped = '[retrieve_content] Client disconnected, skipping query';
    await eventually(() => app.logs.messages.filter((msg) => msg === skipped).length === 10);
    const living = (await app.client('living')).post('/api/quizzes/generate', QUIZ);
    await holders[0]!.hangUp();
    await app.model.called(({ purpose, receivedAt }) => purpose === 'quiz' && receivedAt > 0, 3);
    gate.open();
    expect((await living.answer)?.status).toBe(200);
    expect((await holders[1]!.answer)?.status).toBe(200);
    expect(calls('quiz')).toHaveLength(3);
  });

  it('a reader that leaves the stream early cuts the call', async () => {
    app.model.script('chat', { stallAfter: 2 });
    const llm = app.app.get(Llm, { strict: false });
    await app.app.get(AbortContext).detached('a test reads a stream', async () => {
      for await (const piece of llm.stream({ messages: [{ role: 'user', content: 'Hello' }] })) if (piece) break;
    });
    expect((await app.model.ended(await app.model.called('chat'))).outcome).toBe('client_closed');
  });

  it('tokens of a cut answer are booked as estimated: the whole prompt and what had arrived', async () => {
    const gate = new Gate();
    app.model.script('quiz', { holdAfter: 20, gate });
    const call = client.post('/api/quizzes/generate', QUIZ);
    const upstream = await app.model.called('quiz');
    await app.model.sent(upstream, 20);
    await call.hangUp();
    const line = await eventually(() => {
      const found = app.logs.lines.find(({ msg }) => msg.startsWith('[QuizService] Quiz generation cancelled'));
      if (!found) throw new Error('not yet');
      return found as unknown as { task_id: string };
    });
    const [booked] = await LedgerReader.of(app).callsOf(line.task_id, 'generate_quiz');
    expect(booked).toMatchObject({ outcome: 'aborted', is_exact: false, prompt_tokens: upstream.promptTokens });
    expect(booked!.completion_tokens).toBeGreaterThan(0);
    expect(booked!.completion_tokens).toBeLessThanOrEqual(upstream.completionTokens);
  });
});

describe('while the books of many that were aborted wait for their turn', () => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp();
  }, 60_000);
  afterAll(() => app.close());

  it('whoever stayed is answered', async () => {
    const context = app.app.get(AbortContext);
    const gate = new Gate();
    const shields = (): Promise<unknown> =>
      Promise.all(Array.from({ length: 20 }, () => context.shield(() => gate.wait(), { isPatient: true, timeout: 60_000 })));
    const books = context.detached('books that take long', shields);
    try {
      const client = await app.client();
      expect((await client.post('/api/quizzes/generate', QUIZ).answer)?.status).toBe(200);
    } finally {
      gate.open();
      await books;
    }
  });
});
