import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { backends, type Backend } from '../../test/support/backends.js';
import { Learner, type QuestionAnswer, type QuizAnswer } from '../../test/support/quiz-client.js';
import { materialsOf, type Material } from '../../test/support/quiz-model.js';
import { startTestApp, type TestApp } from '../../test/support/test-app.js';

const WRONG = 'zzz';

describe.each(backends)('what a learner is weak at, on %s', (backend: Backend) => {
  let app: TestApp;
  let learners = 0;
  let learner: Learner;

  beforeAll(async () => {
    app = await startTestApp({ backend });
    learner = await newLearner();
  }, 60_000);
  afterEach(async () => {
    app.reset();
    learner = await newLearner();
  });
  afterAll(() => app.close());

  async function newLearner(): Promise<Learner> {
    learners += 1;
    return new Learner(await app.client(`learner-${learners}`));
  }

  /** What the writer of this learner's next quiz is given. */
  async function nextPrompt(over: object = {}): Promise<Material> {
    app.model.reset();
    await learner.makeQuiz(over);
    return materialsOf(app.model.journal, 'quiz')[0]!;
  }

  const isChoice = ({ options }: QuestionAnswer): boolean => options !== null;

  /** Answers with what is right: the first answer tells it. */
  async function answerRight(quiz: QuizAnswer, question: QuestionAnswer, times = 1): Promise<void> {
    const { correct_answer } = await learner.answer(quiz, question, WRONG);
    for (let time = 0; time < times; time += 1) await learner.answer(quiz, question, correct_answer);
  }

  it('is nothing before the first answer', async () => {
    expect((await nextPrompt()).weak_skills).toEqual([]);
  });

  it('is in the next prompt once answers were wrong, and so its passages move up', async () => {
    const before = await nextPrompt({ exercise_type: 'grammar', question_count: 3 });
    const rankOf = ({ passages }: Material, skill: string): number => passages.findIndex((each) => each.skill === skill);
    const quiz = await learner.makeQuiz({ exercise_type: 'vocabulary', question_count: 8 });
    const weakest = quiz.questions
      .filter(isChoice)
      .reduce((low, each) => (rankOf(before, each.skill) > rankOf(before, low.skill) ? each : low));
    expect(rankOf(before, weakest.skill)).toBeGreaterThan(0);
    await learner.answer(quiz, weakest, WRONG);
    const after = await nextPrompt({ exercise_type: 'grammar', question_count: 3 });
    expect(after.weak_skills).toEqual([{ skill: weakest.skill, accuracy: 0 }]);
    expect(rankOf(after, weakest.skill)).toBeLessThan(rankOf(before, weakest.skill));
  });

  it('is asked about first', async () => {
    const quiz = await learner.makeQuiz({ exercise_type: 'vocabulary', question_count: 8 });
    const weak = quiz.questions.filter(isChoice).at(-1)!;
    await learner.answer(quiz, weak, WRONG);
    const next = await learner.makeQuiz({ exercise_type: 'vocabulary', question_count: 1 });
    expect(next.questions.map(({ skill }) => skill)).toEqual([weak.skill]);
  });

  it('is what goes wrong in more than three of ten answers, the weakest first', async () => {
    const quiz = await learner.makeQuiz({ question_count: 20 });
    const bySkill = new Map(quiz.questions.filter(isChoice).map((question) => [question.skill, question]));
    const [never, half, mostly] = [...bySkill.values()] as [QuestionAnswer, QuestionAnswer, QuestionAnswer];
    await answerRight(quiz, mostly, 3);
    await answerRight(quiz, half, 1);
    await learner.answer(quiz, never, WRONG);
    expect((await nextPrompt()).weak_skills).toEqual([
      { skill: never.skill, accuracy: 0 },
      { skill: half.skill, accuracy: 0.5 },
    ]);
  });

  it('is this learner`s alone', async () => {
    const quiz = await learner.makeQuiz();
    await learner.answer(quiz, quiz.questions.find(isChoice)!, WRONG);
    expect((await nextPrompt()).weak_skills).toHaveLength(1);
    learner = await newLearner();
    expect((await nextPrompt()).weak_skills).toEqual([]);
  });

  it('is the five weakest skills at most', async () => {
    const quizzes = await Promise.all([101, 102, 103].map((chapter_id) => learner.makeQuiz({ chapter_id, question_count: 20 })));
    const skills = new Set<string>();
    for (const quiz of quizzes) {
      for (const question of quiz.questions.filter((each) => isChoice(each) && !skills.has(each.skill))) {
        skills.add(question.skill);
        await learner.answer(quiz, question, WRONG);
      }
    }
    expect(skills.size).toBeGreaterThan(5);
    expect((await nextPrompt()).weak_skills).toHaveLength(5);
  });
});
