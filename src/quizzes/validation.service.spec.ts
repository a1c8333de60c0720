import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { backends, type Backend } from '../../test/support/backends.js';
import { Learner, type QuestionAnswer, type QuizAnswer } from '../../test/support/quiz-client.js';
import { materialsOf } from '../../test/support/quiz-model.js';
import { rowsOf } from '../../test/support/rows.js';
import { startTestApp, type TestApp } from '../../test/support/test-app.js';

const QUESTIONS = [
  {
    type: 'vocabulary',
    skill: 'greetings',
    prompt: '谢谢?',
    options: ['Thank you', 'Goodbye', 'Hello'],
    answer: 'Thank you',
    explanation: 'It thanks.',
  },
  {
    type: 'reading_comprehension',
    skill: 'shi-sentences',
    prompt: 'Who is she?',
    options: null,
    answer: 'a student',
    explanation: 'It says so.',
  },
];

describe.each(backends)('an answer, on %s', (backend: Backend) => {
  let app: TestApp;
  let learner: Learner;
  let quiz: QuizAnswer;
  let choice: QuestionAnswer;
  let free: QuestionAnswer;

  beforeAll(async () => {
    app = await startTestApp({ backend });
    learner = new Learner(await app.client());
    const [passage] = await rowsOf<{ id: number }>(app, 'select id from passages where chapter_id = 101 order by ordinal limit 1');
    const verdicts = QUESTIONS.map((_, index) => ({ index, level_ok: true, correct: true, grounded: true, reason: 'fine' }));
    app.model.script('quiz', { text: JSON.stringify({ questions: QUESTIONS.map((each) => ({ ...each, passage_id: passage!.id })) }) });
    app.model.script('quiz_evaluation', { text: JSON.stringify({ verdicts }) });
    quiz = await learner.makeQuiz({ question_count: 2 });
    [choice, free] = quiz.questions as [QuestionAnswer, QuestionAnswer];
    app.reset();
  }, 60_000);
  afterEach(async () => {
    await rowsOf(app, 'delete from question_results');
    app.reset();
  });
  afterAll(() => app.close());

  const results = () =>
    rowsOf(app, `select owner, question_id, book_id, skill, answer, is_correct, score::float8 as score from question_results order by id`);

  it.each(['Thank you', ' thank YOU.', 'Ｔｈａｎｋ　ｙｏｕ！'])('that chooses right is right without a model: %s', async (answer) => {
    const verdict = await learner.answer(quiz, choice, answer);
    expect(verdict).toEqual({ task_id: verdict.task_id, correct: true, score: 1, explanation: 'It thanks.', correct_answer: 'Thank you' });
    expect(app.model.journal).toEqual([]);
  });

  it.each(['Goodbye', 'thanks a lot'])('that chooses wrong is wrong without a model, and is told what is right: %s', async (answer) => {
    const verdict = await learner.answer(quiz, choice, answer);
    expect(verdict).toMatchObject({ correct: false, score: 0, explanation: 'It thanks.', correct_answer: 'Thank you' });
    expect(app.model.journal).toEqual([]);
  });

  it('in free words that match is right without a model', async () => {
    expect(await learner.answer(quiz, free, 'A student.')).toMatchObject({ correct: true, score: 1, explanation: 'It says so.' });
    expect(app.model.journal).toEqual([]);
  });

  it('in other words is graded by one call, which is given the question, the passage and both answers', async () => {
    app.model.script('answer_grade', { text: JSON.stringify({ correct: true, score: 0.8, explanation: 'Well put!' }) });
    const verdict = await learner.answer(quiz, free, 'she is still learning');
    expect(verdict).toMatchObject({ correct: true, score: 0.8, explanation: 'Well put!', correct_answer: 'a student' });
    expect(app.model.journal.map(({ purpose }) => purpose)).toEqual(['answer_grade']);
    expect(materialsOf(app.model.journal, 'answer_grade')).toEqual([
      {
        task: 'grade_answer',
        question: { type: 'reading_comprehension', prompt: 'Who is she?' },
        passage: expect.stringContaining('你好'),
        correct_answer: 'a student',
        answer: 'she is still learning',
      },
    ]);
  });

  it('is recorded as it was given, with its grade and under its skill', async () => {
    app.model.script('answer_grade', { text: JSON.stringify({ correct: false, score: 0.5, explanation: 'Nearly.' }) });
    await learner.answer(quiz, choice, 'Goodbye');
    await learner.answer(quiz, free, ' someone who learns ');
    const common = { owner: 'learner', book_id: 1 };
    expect(await results()).toEqual([
      { ...common, question_id: choice.id, skill: 'greetings', answer: 'Goodbye', is_correct: false, score: 0 },
      { ...common, question_id: free.id, skill: 'shi-sentences', answer: 'someone who learns', is_correct: false, score: 0.5 },
    ]);
  });

  it('carries the id of its task, under which the call is booked', async () => {
    app.model.script('answer_grade', { text: JSON.stringify({ correct: true, score: 1, explanation: '' }) });
    const body = { quiz_id: quiz.id, question_id: free.id, answer: 'someone' };
    const answer = (await learner.client.post('/api/quizzes/validate-answer', body).answer)!;
    const { task_id } = answer.json<{ task_id: string }>();
    expect(answer.headers['x-task-id']).toBe(task_id);
    const calls = await rowsOf(app, `select kind, stage, owner, outcome from llm_calls where task_id = '${task_id}'`);
    expect(calls).toEqual([{ kind: 'chat', stage: 'validate_answer', owner: 'learner', outcome: 'completed' }]);
  });

  it.each([
    ['no grade', '{"correct": "maybe"}'],
    ['a grade out of range', '{"correct": true, "score": 7, "explanation": ""}'],
  ])('is not recorded where the model gives %s', async (_, text) => {
    app.model.script('answer_grade', { text });
    const answer = await learner.client.post('/api/quizzes/validate-answer', { quiz_id: quiz.id, question_id: free.id, answer: 'x' })
      .answer;
    expect(answer?.json()).toMatchObject({ status: 502, code: 'invalid_model_output' });
    expect(await results()).toEqual([]);
  });

  it('to a question that does not exist, or that is of another quiz, is a 404 and leaves nothing', async () => {
    const other = await learner.makeQuiz({ question_count: 1 });
    app.reset();
    for (const question_id of [randomUUID(), other.questions[0]!.id]) {
      const answer = await learner.client.post('/api/quizzes/validate-answer', { quiz_id: quiz.id, question_id, answer: 'x' }).answer;
      expect(answer?.json()).toMatchObject({ status: 404, code: 'question_not_found' });
    }
    expect(app.model.journal).toEqual([]);
    expect(await results()).toEqual([]);
  });

  it('finds its question whatever the case of the ids', async () => {
    const loud = { id: choice.id.toUpperCase() } as QuestionAnswer;
    expect(await learner.answer({ ...quiz, id: quiz.id.toUpperCase() }, loud, 'Thank you')).toMatchObject({ correct: true });
  });
});
