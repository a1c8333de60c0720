import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { AbortContext, AbortStats } from '../../src/abort/index.js';
import { ContentRepository } from '../../src/content/index.js';
import { GenerateQuizNode } from '../../src/quizzes/nodes/generate-quiz.node.js';
import { QueryWeaknessNode } from '../../src/quizzes/nodes/query-weakness.node.js';
import { EventWriter, type TaskKey } from '../../src/tasks/index.js';
import { disconnectAt, eventually, expectNoWorkAfter, Gate, type Call, type SocketClient, type Stage } from '../../src/testing/index.js';
import { backends, type Backend } from '../support/backends.js';
import { LedgerReader } from '../support/ledger.js';
import { holdAfter } from '../support/moments.js';
import { rowsOf } from '../support/rows.js';
import { startTestApp, type TestApp } from '../support/test-app.js';

const QUIZ = { book_id: 1, chapter_id: 105, exercise_type: 'reading_comprehension', question_count: 3 };
const CANCELLED = '[QuizService] Quiz generation cancelled by client disconnect (chapter=105 user=learner)';

interface Quiz {
  readonly task_id: string;
  readonly quiz: { readonly id: string; readonly questions: readonly { readonly id: string; readonly prompt: string }[] };
  readonly usage: {
    readonly prompt_tokens: number;
    readonly completion_tokens: number;
    readonly estimated: boolean;
    readonly cost_usd: number;
  };
}

describe.each(backends)('the acceptance criteria, over a real socket and on %s', (backend: Backend) => {
  let app: TestApp;
  let client: SocketClient;

  beforeAll(async () => {
    // Nothing on behalf of nobody happens in between: what is counted here is done for requests.
    app = await startTestApp({ backend, env: { LEASE_HEARTBEAT_MS: '60000', LEASE_MS: '600000' } });
    client = await app.client();
  }, 60_000);
  afterEach(() => {
    jest.restoreAllMocks();
    app.reset();
  });
  afterAll(() => app.close());

  const boundary = <T extends object>(token: new (...args: never[]) => T, method: keyof T & string) =>
    holdAfter(app.app.get(AbortContext), app.app.get(token, { strict: false }), method);
  const says = (msg: string) => eventually(() => app.logs.messages.includes(msg), { message: msg });
  const askForQuiz = (): Call => client.post('/api/quizzes/generate', QUIZ);

  /** The client leaves at the stage, and nothing more begins until the app says its line. */
  async function hangUpAt(stage: Stage, send: () => Call, line: string): Promise<void> {
    const disconnect = await disconnectAt(app.model, stage, send);
    await expectNoWorkAfter(disconnect, { settled: () => app.logs.messages.includes(line), witnesses: app.queries.witnesses });
  }

  /** What tasks tell is written down in batches, some time after their ends. */
  async function everythingWritten(): Promise<void> {
    const tasks = await rowsOf<TaskKey>(app, 'select owner, id from tasks');
    for (const task of tasks) await app.app.get(EventWriter).flushed(task);
    app.reset();
  }

  async function generate(): Promise<Quiz> {
    const answer = await client.post('/api/quizzes/generate', QUIZ).answer;
    expect(answer?.status).toBe(200);
    return answer!.json<Quiz>();
  }

  it('1: a client that leaves before the first LLM call ends the graph without any LLM call', async () => {
    await hangUpAt(boundary(QueryWeaknessNode, 'run'), askForQuiz, CANCELLED);
    expect(app.model.journal).toEqual([]);
    expect(app.logs.messages).toContain('[retrieve_content] Client disconnected, skipping query');
  });

  it('2: a client that leaves between the first LLM call and the evaluation is never evaluated, and the log says so', async () => {
    await hangUpAt(boundary(GenerateQuizNode, 'run'), askForQuiz, CANCELLED);
    expect(app.model.journal.map(({ purpose }) => purpose)).toEqual(['embeddings', 'quiz']);
    expect(app.logs.messages).toContain('[evaluate_content] Client disconnected, skipping evaluation');
  });

  it('3: a quiz that is done before the client leaves is answered whole, and nothing is cancelled', async () => {
    const { quiz, usage, task_id } = await generate();
    expect(quiz.questions).toHaveLength(3);
    expect(usage).toMatchObject({ estimated: false });
    expect(usage.cost_usd).toBeGreaterThan(0);
    expect(app.model.journal.map(({ outcome }) => outcome)).toEqual(['completed', 'completed', 'completed']);
    expect(app.logs.messages.filter((msg) => /disconnect/i.test(msg))).toEqual([]);
    const calls = await LedgerReader.of(app).callsOf(task_id);
    expect(calls.map(({ stage, outcome, is_exact }) => ({ stage, outcome, is_exact }))).toEqual([
      { stage: 'retrieve_content', outcome: 'completed', is_exact: true },
      { stage: 'generate_quiz', outcome: 'completed', is_exact: true },
      { stage: 'evaluate_content', outcome: 'completed', is_exact: true },
    ]);
  });

  describe('4: a client that leaves during answer validation', () => {
    const cancelled = (quiz: Quiz['quiz'], question: { id: string }) =>
      `[ValidationService] Answer validation cancelled by client disconnect (quiz=${quiz.id} question=${question.id} user=learner)`;

    async function answerWrongly() {
      const { quiz } = await generate();
      app.reset();
      const question = quiz.questions[0]!;
      const body = { quiz_id: quiz.id, question_id: question.id, answer: 'something that nobody wrote' };
      return { line: cancelled(quiz, question), send: () => client.post('/api/quizzes/validate-answer', body) };
    }

    it('before the LLM call: the model is not called', async () => {
      const { line, send } = await answerWrongly();
      await hangUpAt(boundary(ContentRepository, 'findPassage'), send, line);
      expect(app.model.journal).toEqual([]);
      expect(app.logs.messages).toContain('[validate_answer] Client disconnected, aborting LLM call');
    });

    it('during the LLM call: the call is cut, and nothing is recorded', async () => {
      const { line, send } = await answerWrongly();
      await hangUpAt({ call: 'answer_grade', chunks: 2 }, send, line);
      expect(app.model.journal).toMatchObject([{ purpose: 'answer_grade', chunksSent: 2, outcome: 'client_closed' }]);
      expect(app.logs.messages).toContain('[validate_answer] Client disconnected, aborting LLM call');
    });
  });

  it('5: /health looks at no signal: no controller is made for it and no listener is left on its response', async () => {
    await everythingWritten();
    const { AbortController: Real } = globalThis;
    let made = 0;
    globalThis.AbortController = class extends Real {
      constructor() {
        super();
        // The queue of jobs, the leases and the sweeps make some of their own, by their clocks.
        if (!/\/(pg-boss|sweeps|leases\.service)\b/.test(String(new Error().stack))) made += 1;
      }
    };
    try {
      for (let i = 0; i < 20; i += 1) expect((await client.get('/health').answer)?.json()).toEqual({ status: 'ok' });
      expect(made).toBe(0);
      await client.get('/api/books').answer;
      expect(made).toBe(1);
    } finally {
      globalThis.AbortController = Real;
    }
    expect(app.queries.reports.filter(({ sql }) => !sql.includes('"books"'))).toEqual([]);
  });

  it('6: a disconnect is closed silently: no answer, no 500, no error in the log, counted as 499', async () => {
    const before = app.app.get(AbortStats).disconnects;
    const gate = new Gate();
    app.model.script('quiz', { hold: gate });
    const call = client.post('/api/quizzes/generate', QUIZ);
    await app.model.called('quiz');
    await call.hangUp();
    await says('[http] 499 POST /api/quizzes/generate');
    await says(CANCELLED);
    expect(await call.answer).toBeUndefined();
    expect(app.logs.lines.filter(({ level }) => level === 'error' || level === 'warn')).toEqual([]);
    expect(app.logs.lines.find(({ msg }) => msg === CANCELLED)?.level).toBe('info');
    expect(app.app.get(AbortStats).disconnects).toBe(before + 1);
  });

  it('7: one quiz in ten hung up costs less than a whole one, and the ledger says by how much', async () => {
    const whole: string[] = [];
    const hungUp: string[] = [];
    for (let i = 0; i < 10; i += 1) {
      if (i % 10 === 0) hungUp.push(await hangUpWhileGenerating());
      else whole.push((await generate()).task_id);
    }
    const ledger = LedgerReader.of(app);
    const mean = (await ledger.costOf(whole)) / whole.length;
    const cut = (await ledger.costOf(hungUp)) / hungUp.length;
    expect(cut).toBeGreaterThan(0);
    expect(cut).toBeLessThan(mean);
    const [call] = await ledger.callsOf(hungUp[0]!, 'generate_quiz');
    expect(call).toMatchObject({ outcome: 'aborted', is_exact: false });
  });

  async function hangUpWhileGenerating(): Promise<string> {
    app.reset();
    await hangUpAt({ call: 'quiz', chunks: 5 }, askForQuiz, CANCELLED);
    const line = app.logs.lines.find(({ msg }) => msg === CANCELLED) as unknown as { task_id: string };
    app.reset();
    return line.task_id;
  }
});
