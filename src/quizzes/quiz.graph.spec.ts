import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { evaluator, materialsOf, writer } from '../../test/support/quiz-model.js';
import { startTestApp, type TestApp } from '../../test/support/test-app.js';
import { AbortContext } from '../abort/index.js';
import { abortListenersOf, type SocketClient } from '../testing/index.js';
import { QuizGraph } from './quiz.graph.js';

const QUIZ = { book_id: 1, chapter_id: 101, exercise_type: 'grammar', question_count: 3 };

interface Made {
  readonly status: number;
  readonly code?: string;
  readonly detail?: string;
  readonly quiz: {
    readonly evaluation: { readonly attempts: number; readonly rejected: number; readonly reasons: readonly string[] };
    readonly questions: readonly { readonly prompt: string }[];
  };
}

describe('the quiz graph', () => {
  let app: TestApp;
  let client: SocketClient;

  beforeAll(async () => {
    app = await startTestApp();
    client = await app.client();
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(() => app.close());

  async function make(quiz: object = QUIZ): Promise<Made> {
    const answer = (await client.post('/api/quizzes/generate', quiz).answer)!;
    return { ...answer.json<Made>(), status: answer.status };
  }

  const prompts = () => materialsOf(app.model.journal, 'quiz');
  const evaluations = () => materialsOf(app.model.journal, 'quiz_evaluation');

  it('makes a quiz in one attempt where the evaluator accepts all', async () => {
    const { quiz } = await make();
    expect(quiz.evaluation).toEqual({ attempts: 1, rejected: 0, reasons: [] });
    expect(quiz.questions).toHaveLength(3);
    expect(app.model.journal.map(({ purpose }) => purpose)).toEqual(['embeddings', 'quiz', 'quiz_evaluation']);
    expect(prompts()[0]).toMatchObject({ question_count: 3, already_asked: [], feedback: [], weak_skills: [], level: 'A1' });
  });

  it('leaves no listener on the signal of the task', async () => {
    const context = app.app.get(AbortContext);
    const graph = app.app.get(QuizGraph, { strict: false });
    const run = graph.run.bind(graph);
    const listeners: string[][] = [];
    jest.spyOn(graph, 'run').mockImplementation(async (...args) => {
      listeners.push(abortListenersOf(context.signal));
      const state = await run(...args);
      listeners.push(abortListenersOf(context.signal));
      return state;
    });
    expect(await make()).toMatchObject({ status: 200 });
    jest.restoreAllMocks();
    const [before, after] = listeners;
    expect(after).toEqual(before);
  });

  it('makes it at the third attempt where the evaluator refuses all questions twice', async () => {
    app.model.script(
      'quiz_evaluation',
      evaluator(() => false, 'too hard for A1'),
      { times: 2 },
    );
    const { status, quiz } = await make();
    expect(status).toBe(200);
    expect(quiz.evaluation).toMatchObject({ attempts: 3, rejected: 6 });
    expect(quiz.questions).toHaveLength(3);
    expect(prompts()).toHaveLength(3);
    expect(prompts().map(({ question_count }) => question_count)).toEqual([3, 3, 3]);
  });

  it('gives up after exactly three attempts where the evaluator refuses always, and stores nothing', async () => {
    app.model.script(
      'quiz_evaluation',
      evaluator(() => false, 'too hard for A1'),
    );
    const { status, code, detail } = await make();
    expect([status, code]).toEqual([502, 'quiz_rejected']);
    expect(detail).toContain('too hard for A1');
    expect([prompts().length, evaluations().length]).toEqual([3, 3]);
    const list = await (await app.client('nobody else')).get('/api/quizzes').answer;
    expect(list?.json()).toEqual({ quizzes: [] });
  });

  it('asks again for the one question that was refused, keeps the others, and says what was wrong', async () => {
    app.model.script(
      'quiz_evaluation',
      evaluator((index) => index !== 1),
      { times: 1 },
    );
    const { quiz } = await make();
    const [first, second] = [evaluations()[0]!, evaluations()[1]!];
    const [kept, refused, alsoKept] = first.questions.map(({ prompt }) => prompt) as [string, string, string];
    expect(prompts()[1]).toMatchObject({
      question_count: 1,
      already_asked: [kept, alsoKept],
      feedback: [`"${refused}" was refused: too hard`],
    });
    expect(second.questions).toHaveLength(1);
    expect(quiz.questions.map(({ prompt }) => prompt)).toEqual([kept, alsoKept, second.questions[0]!.prompt]);
    expect(quiz.evaluation).toMatchObject({ attempts: 2, rejected: 1 });
  });

  it('is content with fewer questions when the last attempt is over and some were accepted', async () => {
    app.model.script(
      'quiz_evaluation',
      evaluator((index) => index === 0),
      { times: 1 },
    );
    app.model.script(
      'quiz_evaluation',
      evaluator(() => false),
    );
    app.model.script(
      'quiz_evaluation',
      evaluator((index) => index === 0),
      { times: 1 },
    );
    const { status, quiz } = await make();
    expect(status).toBe(200);
    expect(quiz.questions).toHaveLength(1);
    expect(quiz.evaluation).toMatchObject({ attempts: 3, rejected: 6 });
    expect(quiz.evaluation.reasons).toHaveLength(2);
  });

  it('refuses a question on which the evaluator gives no verdict, and all where its answer does not fit', async () => {
    app.model.script('quiz_evaluation', { text: '{"verdicts": "all fine"}' }, { times: 1 });
    app.model.script('quiz_evaluation', { text: '{"verdicts": []}' }, { times: 1 });
    const { quiz } = await make();
    expect(quiz.evaluation).toMatchObject({ attempts: 3, rejected: 6 });
    expect(prompts()[1]!.feedback[0]).toMatch(/was refused: the evaluator gave no verdict on it$/);
  });

  it.each(['level_ok', 'correct', 'grounded'])('refuses a question that is not %s', async (quality) => {
    const verdict = { index: 0, level_ok: true, correct: true, grounded: true, reason: 'bad', [quality]: false };
    app.model.script('quiz_evaluation', { text: JSON.stringify({ verdicts: [verdict] }) }, { times: 1 });
    const { quiz } = await make({ ...QUIZ, question_count: 1 });
    expect(quiz.evaluation).toMatchObject({ attempts: 2, rejected: 1 });
  });

  it.each([
    ['words', { text: 'I would rather not.' }, 'it is not JSON'],
    ['a quiz without questions', { text: '{"questions": []}' }, '/questions: '],
    [
      'an answer that is not among the options',
      writer(['a?'], { options: ['no', 'maybe'] }),
      '/questions/0/answer: is not among the options',
    ],
    ['what no database can hold', writer(['a \0?']), '/questions/0/prompt: must not contain NUL'],
    ['half a surrogate pair', writer(['a?'], { explanation: '\ud83d' }), '/questions/0/explanation: must not contain NUL or half'],
  ])('tries again when the model writes %s, and tells it why', async (_, behaviour, why) => {
    app.model.script('quiz', behaviour, { times: 1 });
    const { quiz } = await make();
    expect(quiz.evaluation).toMatchObject({ attempts: 2, rejected: 0 });
    expect(prompts()[1]!.feedback).toEqual([expect.stringContaining(why)]);
    expect(evaluations()).toHaveLength(1);
  });

  it('gives up after three answers that do not fit the schema, without an evaluation', async () => {
    app.model.script('quiz', { text: '{"questions": [{"prompt": "half a quest' });
    const { status, code, detail } = await make();
    expect([status, code]).toEqual([502, 'invalid_model_output']);
    expect(detail).toBe(`The language model's answer does not fit the schema: it is not JSON.`);
    expect([prompts().length, evaluations().length]).toEqual([3, 0]);
  });

  it('takes no question that rests on a passage that was not given, and says so', async () => {
    app.model.script('quiz', writer(['a?', 'b?', 'c?'], { passage_id: 999 }));
    const { status, code } = await make();
    expect([status, code]).toEqual([502, 'invalid_model_output']);
    expect(prompts()[2]!.feedback).toEqual([expect.stringMatching(/^None of the questions rested on/)]);
    expect(evaluations()).toEqual([]);
  });

  it('takes a question once, and no more questions than were asked for', async () => {
    app.model.script('quiz', writer(['a?', 'a?', 'b?', 'c?', 'd?']));
    app.model.script(
      'quiz_evaluation',
      evaluator(() => true),
    );
    const { quiz } = await make();
    expect(quiz.questions.map(({ prompt }) => prompt)).toEqual(['a?', 'b?', 'c?']);
  });

  it('never asks again what it has accepted', async () => {
    app.model.script('quiz', writer(['a?', 'b?', 'c?']));
    app.model.script(
      'quiz_evaluation',
      evaluator((index) => index === 0),
    );
    const { quiz } = await make();
    expect(evaluations().map(({ questions }) => questions.map(({ prompt }) => prompt))).toEqual([['a?', 'b?', 'c?'], ['b?', 'c?'], ['c?']]);
    expect(quiz.questions.map(({ prompt }) => prompt)).toEqual(['a?', 'b?', 'c?']);
  });
});
