import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { backends, type Backend } from '../../test/support/backends.js';
import { Learner } from '../../test/support/quiz-client.js';
import { materialsOf } from '../../test/support/quiz-model.js';
import { rowsOf } from '../../test/support/rows.js';
import { startTestApp, type TestApp } from '../../test/support/test-app.js';
import { EXERCISE_TYPES, QUESTION_TYPES } from './exercise.js';

const CHAPTERS = [101, 102, 103, 104, 105];

/** Every key of a JSON document, at any depth. */
function keysOf(document: unknown): string[] {
  if (typeof document !== 'object' || document === null) return [];
  return Object.entries(document).flatMap(([key, value]) => [key, ...keysOf(value)]);
}

describe.each(backends)('a quiz, on %s', (backend: Backend) => {
  let app: TestApp;
  let learner: Learner;

  beforeAll(async () => {
    app = await startTestApp({ backend });
    learner = new Learner(await app.client());
  }, 60_000);
  afterEach(() => app.reset());
  afterAll(() => app.close());

  it.each(EXERCISE_TYPES)('is made of every chapter for the exercise type %s', async (exercise_type) => {
    for (const chapter_id of CHAPTERS) {
      const wanted = exercise_type === 'mixed' ? QUESTION_TYPES : [exercise_type];
      const quiz = await learner.makeQuiz({ chapter_id, exercise_type, question_count: Math.max(2, wanted.length) });
      expect(quiz).toMatchObject({ exercise_type, chapter_id, book_id: 1 });
      expect(new Set(quiz.questions.map(({ prompt }) => prompt)).size).toBe(Math.max(2, wanted.length));
      expect(new Set(quiz.questions.map(({ type }) => type))).toEqual(new Set(wanted));
    }
    expect(materialsOf(app.model.journal, 'quiz').map((material) => material.exercise_type)).toEqual(CHAPTERS.map(() => exercise_type));
  });

  it('has five questions where nobody says how many, and rests on eight passages of its chapter', async () => {
    const answer = await learner.client.post('/api/quizzes/generate', { book_id: 1, chapter_id: 102, exercise_type: 'mixed' }).answer;
    expect(answer?.json<{ quiz: { questions: unknown[] } }>().quiz.questions).toHaveLength(5);
    const { passages } = materialsOf(app.model.journal, 'quiz')[0]!;
    const inChapter = await rowsOf<{ id: number }>(app, 'select id from passages where chapter_id = 102');
    expect(passages).toHaveLength(8);
    expect(inChapter.map(({ id }) => id)).toEqual(expect.arrayContaining(passages.map(({ id }) => id)));
  });

  it('goes out in one shape: as it is made, by itself and in the list, and never with its answers', async () => {
    const owner = new Learner(await app.client('owner'));
    const body = { book_id: 1, chapter_id: 103, exercise_type: 'mixed', question_count: 8 };
    const made = (await owner.client.post('/api/quizzes/generate', body).answer)!.json<{
      task_id: string;
      quiz: { id: string; task_id: string };
    }>();
    const one = (await owner.client.get(`/api/quizzes/${made.quiz.id}`).answer)!.json();
    const list = (await owner.client.get('/api/quizzes').answer)!.json();
    expect(one).toEqual(made.quiz);
    expect(list).toEqual({ quizzes: [made.quiz] });
    expect(made.quiz.task_id).toBe(made.task_id);
    const keys = new Set([made, one, list].flatMap(keysOf));
    expect(keys).toContain('prompt');
    expect([...keys].filter((key) => /answer|explanation|passage/.test(key))).toEqual([]);
  });

  it('keeps its questions in order, with choices as they were written', async () => {
    const quiz = await learner.makeQuiz({ exercise_type: 'mixed', question_count: 8 });
    const rows = await rowsOf(app, `select id, options from questions where quiz_id = '${quiz.id}' order by ordinal`);
    expect(rows).toEqual(quiz.questions.map(({ id, options }) => ({ id, options })));
    expect(quiz.questions.filter(({ type, options }) => (type === 'vocabulary') !== (options !== null) && type !== 'grammar')).toEqual([]);
  });

  it('says what it cost, as the ledger has it', async () => {
    const body = { book_id: 1, chapter_id: 104, exercise_type: 'grammar', question_count: 2 };
    const { task_id, usage } = (await learner.client.post('/api/quizzes/generate', body).answer)!.json<{
      task_id: string;
      usage: object;
    }>();
    const [ledger] = await rowsOf(
      app,
      `select sum(prompt_tokens)::int as prompt_tokens, sum(completion_tokens)::int as completion_tokens, not bool_and(is_exact) as estimated,
       sum(cost_usd)::float8 as cost_usd from llm_calls where task_id = '${task_id}'`,
    );
    expect(usage).toEqual(ledger);
    const upstream = app.model.journal.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
    expect(usage).toMatchObject({ prompt_tokens: upstream, estimated: false });
  });

  it('is not made of a chapter without passages', async () => {
    await rowsOf(app, `insert into chapters (id, book_id, title, level) values (199, 1, 'Empty', 'A1')`);
    const body = { book_id: 1, chapter_id: 199, exercise_type: 'mixed' };
    expect((await learner.client.post('/api/quizzes/generate', body).answer)?.json()).toMatchObject({ status: 422, code: 'chapter_empty' });
    await rowsOf(app, 'delete from chapters where id = 199');
    expect(materialsOf(app.model.journal, 'quiz')).toEqual([]);
  });
});
