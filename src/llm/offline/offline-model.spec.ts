import { describe, expect, it } from '@jest/globals';
import { OfflineModel, type Grade, type Passage, type QuizQuestion, type Verdict } from './index.js';

const GREETINGS: Passage = {
  id: 'p1',
  kind: 'vocabulary',
  skill: 'greetings',
  title: 'Greetings',
  text: '你好 (nǐ hǎo) — hello\n再见 (zàijiàn) — goodbye\n谢谢 (xièxie) — thank you\n老师 (lǎoshī) — teacher\n学生 (xuésheng) — student\n对不起 (duìbuqǐ) — sorry',
};
const SHI: Passage = {
  id: 'p2',
  kind: 'grammar',
  skill: 'shi',
  title: 'Sentences with 是',
  text: [
    'The verb 是 links two nouns.',
    '我是学生。 (Wǒ shì xuésheng.) — I am a student.',
    '他是老师。 (Tā shì lǎoshī.) — He is a teacher.',
    '这是我的书。 (Zhè shì wǒ de shū.) — This is my book.',
    '她不是医生。 (Tā bú shì yīshēng.) — She is not a doctor.',
    '你是中国人吗？ (Nǐ shì Zhōngguórén ma?) — Are you Chinese?',
  ].join('\n'),
};
const SHOP: Passage = {
  id: 'p3',
  kind: 'dialogue',
  skill: 'shopping',
  title: 'In the shop',
  text: 'A: 你好，我想买苹果。 — Hello, I would like to buy apples.\nB: 苹果三块钱一斤。 — Apples are three yuan a pound.\nA: 太贵了！ — Too expensive!',
};
const FAMILY: Passage = {
  id: 'p4',
  kind: 'reading',
  skill: 'family',
  title: 'My family',
  text: [
    '我家有四口人。爸爸是医生，妈妈是老师。',
    'English: There are four people in my family. Father is a doctor, mother is a teacher.',
    'Q: 他家有几口人？ A: 四口人。',
    'Q: 爸爸做什么工作？ A: 医生。',
    'Q: 妈妈做什么工作？ A: 老师。',
  ].join('\n'),
};
const CHAPTER = [GREETINGS, SHI, SHOP, FAMILY];

const PROSE: Record<string, string> = {
  English:
    'The mitochondrion produces most of the chemical energy of a cell. Its inner membrane is folded into cristae.\nThey hold the enzymes.',
  German: 'Die Donau entspringt im Schwarzwald. Sie mündet ins Schwarze Meer, nachdem sie zehn Länder berührt hat.',
  Japanese: '東京は日本の首都です。人口はとても多いです。コーヒーを飲みます。',
  Thai: 'กรุงเทพมหานครเป็นเมืองหลวงของประเทศไทย',
  Russian: 'Волга впадает в Каспийское море. Это самая длинная река Европы.',
  Arabic: 'القاهرة هي عاصمة مصر. يقع النيل في أفريقيا.',
  'one endless sentence':
    'alpha beta gamma delta epsilon zeta eta theta '.repeat(30) + 'and then the unexpected walrus surfaced beside a lighthouse',
};

const TYPES = ['vocabulary', 'grammar', 'fill_in_blank', 'reading_comprehension'] as const;
const model = new OfflineModel();

describe('write_quiz', () => {
  it.each([...TYPES, 'mixed'])('writes distinct questions of the type %s that its own evaluator accepts', (exercise_type) => {
    const questions = writeQuiz({ exercise_type, question_count: 8 });
    expect(questions).toHaveLength(8);
    expect(new Set(questions.map(({ prompt }) => prompt)).size).toBe(8);
    expectAccepted(questions, CHAPTER);
  });

  it.each(TYPES)('writes questions of the type %s as long as there are any', (exercise_type) => {
    const questions = writeQuiz({ exercise_type, question_count: 3 });
    expect(questions.map(({ type }) => type)).toEqual([exercise_type, exercise_type, exercise_type]);
  });

  it('rotates through the types when they are mixed', () => {
    const questions = writeQuiz({ exercise_type: 'mixed', question_count: 8 });
    expect(questions.slice(0, 4).map(({ type }) => type)).toEqual(TYPES);
    expect(questions.slice(4, 7).map(({ type }) => type)).toEqual(TYPES.slice(0, 3));
  });

  it.each(['vocabulary', 'grammar'])('gives %s questions four different options, one of them right', (exercise_type) => {
    for (const { options, answer } of writeQuiz({ exercise_type, question_count: 5 })) {
      expect(new Set(options).size).toBe(4);
      expect(options).toContain(answer);
    }
  });

  it('leaves exactly the answer out of a cloze', () => {
    for (const { prompt, answer, options } of writeQuiz({ exercise_type: 'fill_in_blank', question_count: 6 })) {
      expect(prompt.split('____')).toHaveLength(2);
      expect(prompt).not.toContain(answer);
      expect(options).toBeNull();
    }
  });

  it('leaves out a word that the chapter teaches, where there is one', () => {
    const questions = writeQuiz({ exercise_type: 'fill_in_blank', question_count: 12 });
    expect(questions.find(({ explanation }) => explanation.includes('他是老师'))?.answer).toBe('老师');
  });

  it('asks the questions of a reading passage under its text', () => {
    const [question] = writeQuiz({ exercise_type: 'reading_comprehension', question_count: 1 });
    expect(FAMILY.text).toContain(`${question!.prompt.split('\n')[1]!} A: ${question!.answer}`);
    expect(question!.prompt).toContain('我家有四口人。');
  });

  it('says where each question comes from', () => {
    for (const { passage_id, skill, explanation } of writeQuiz({ exercise_type: 'mixed', question_count: 8 })) {
      const passage = CHAPTER.find(({ id }) => id === passage_id);
      expect(skill).toBe(passage?.skill);
      expect(explanation).toContain(passage?.title);
    }
  });

  it('asks for weak skills first, the weakest before the others', () => {
    const weak_skills = [
      { skill: 'family', accuracy: 0.6 },
      { skill: 'shopping', accuracy: 0.2 },
    ];
    const questions = writeQuiz({ exercise_type: 'fill_in_blank', question_count: 6, weak_skills });
    expect(questions.slice(0, 5).map(({ skill }) => skill)).toEqual(['shopping', 'shopping', 'shopping', 'family', 'family']);
  });

  it.each(TYPES)('falls back to what a passage of words alone can give when asked for %s', (exercise_type) => {
    const questions = writeQuiz({ exercise_type, question_count: 6, passages: [GREETINGS] });
    expect(questions).toHaveLength(6);
    expectAccepted(questions, [GREETINGS]);
  });

  it.each(Object.entries(PROSE))('writes cloze questions from %s prose', (title, text) => {
    const passage: Passage = { id: 7, kind: 'text', skill: 'reading', title, text };
    const questions = writeQuiz({ exercise_type: 'mixed', question_count: 3, passages: [passage] });
    expect(questions.map(({ type }) => type)).toEqual(['fill_in_blank', 'fill_in_blank', 'fill_in_blank']);
    expectAccepted(questions, [passage]);
  });

  it('gives fewer questions rather than one twice', () => {
    const passage = { ...GREETINGS, text: '你好 (nǐ hǎo) — hello\n再见 (zàijiàn) — goodbye' };
    expect(writeQuiz({ exercise_type: 'vocabulary', question_count: 9, passages: [passage, passage] })).toHaveLength(2);
    expect(writeQuiz({ exercise_type: 'vocabulary', question_count: 9, passages: [] })).toEqual([]);
  });

  it('repeats none of the questions that were asked already', () => {
    const first = writeQuiz({ exercise_type: 'mixed', question_count: 8 }).map(({ prompt }) => prompt);
    const second = writeQuiz({ exercise_type: 'mixed', question_count: 8, already_asked: first }).map(({ prompt }) => prompt);
    expect(new Set([...first, ...second]).size).toBe(16);
  });

  it('leaves no word out that stands in the sentence or in its translation once more', () => {
    const text = '我喜欢DVD，你也喜欢。 (…) — I like that DVD.';
    const clozes = writeQuiz({ exercise_type: 'fill_in_blank', question_count: 20, passages: [{ ...SHI, text }] });
    expect(clozes.map(({ answer }) => answer)).not.toContain('喜欢');
    expect(clozes.map(({ answer }) => answer)).not.toContain('DVD');
    expect(clozes.length).toBeGreaterThan(1);
  });

  it('offers no wrong option that is right as well', () => {
    const text = '你好 (nǐ hǎo) — hello\n您好 (nín hǎo) — Hello!\n再见 (zàijiàn) — goodbye\n谢谢 (xièxie) — thank you';
    const questions = writeQuiz({ exercise_type: 'vocabulary', question_count: 20, passages: [{ ...GREETINGS, text }] });
    const choices = questions.filter(({ options }) => options !== null);
    // Two meanings are left beside "goodbye", one too few. Three words are left beside 再见, two beside 你好.
    expect(choices.map(({ answer }) => answer).sort()).toEqual(['再见', '谢谢']);
  });

  it('answers the same task alike and a task with feedback otherwise', () => {
    const task = { exercise_type: 'mixed', question_count: 6 };
    expect(writeQuiz(task)).toEqual(writeQuiz(task));
    expect(writeQuiz({ ...task, feedback: ['Question 2 is too easy.'] })).not.toEqual(writeQuiz(task));
  });
});

describe('evaluate_quiz', () => {
  const sound = {
    index: 4,
    type: 'vocabulary',
    prompt: 'What does “你好” mean?',
    options: ['hello', 'sorry'],
    answer: 'hello',
    passage_id: 'p1',
  };

  it('accepts a sound question', () => {
    expect(evaluate([sound], CHAPTER)[0]).toMatchObject({ index: 4, level_ok: true, correct: true, grounded: true });
  });

  it.each([
    ['an answer that is no option', { answer: 'goodbye' }, { correct: false }],
    ['options that are the same', { options: ['hello', 'Hello!'] }, { correct: false }],
    ['no answer', { answer: ' ' }, { correct: false, grounded: false }],
    ['an answer that the passage does not give', { options: null, answer: 'elephant' }, { grounded: false, correct: true }],
    ['part of a word as the answer', { options: null, answer: 'good' }, { grounded: false }],
    ['an unknown passage', { passage_id: 'p9' }, { grounded: false }],
    ['no passage', { passage_id: null }, { grounded: false }],
    ['a prompt that goes on and on', { prompt: 'on '.repeat(200) }, { level_ok: false }],
  ])('finds fault with %s', (_what, flaw, verdict) => {
    const [found] = evaluate([{ ...sound, ...flaw }], CHAPTER);
    expect(found).toMatchObject(verdict);
    expect(found?.reason).toMatch(/\.$/);
  });
});

describe('grade_answer', () => {
  it.each([
    ['hello', 'hello'],
    ['  Hello! ', 'hello'],
    ['你好', '你好。'],
    ['He is a techer', 'He is a teacher.'],
    ['four people in family', 'Four people in the family.'],
    ['ｆｏｕｒ', 'four'],
  ])('takes %j for %j', (answer, correct_answer) => {
    expect(grade(answer, correct_answer)).toMatchObject({ correct: true });
  });

  it.each([
    ['goodbye', 'hello'],
    ['老板', '老师'],
    ['', 'hello'],
    ['She is a doctor.', 'She is not a doctor.'],
    ["She isn't a doctor, I think", 'She is a doctor, I think'],
    ['她是医生', '她不是医生。'],
    ['It was built in 1981 by the city', 'It was built in 1918 by the city'],
  ])('does not take %j for %j', (answer, correct_answer) => {
    expect(grade(answer, correct_answer).correct).toBe(false);
  });

  it('scores from 0 to 1 and explains itself', () => {
    expect(grade('hello', 'hello')).toEqual({ correct: true, score: 1, explanation: '“hello” is the expected answer.' });
    expect(grade('', 'hello')).toEqual({ correct: false, score: 0, explanation: 'Nothing was answered; “hello” was expected.' });
    const near = grade('two red apples', 'two green apples');
    expect(near.score).toBeGreaterThan(0.5);
    expect(near.score).toBeLessThan(0.7);
  });
});

describe('Anything else', () => {
  it.each(['How are you?', '{"task":"make_tea"}', '[1,2', ''])('is answered honestly: %j', (content) => {
    const reply = answer(content);
    expect(reply).toContain('offline model');
    expect(reply).toContain('not a language model');
    expect(reply).not.toContain('undefined');
  });

  it('quotes the nearest sentence of passages in a JSON message', () => {
    const reply = answer('What does 谢谢 mean?', JSON.stringify({ passages: CHAPTER }));
    expect(reply).toContain('“谢谢 (xièxie) — thank you”');
    expect(reply).toContain('“Greetings”');
  });

  it('quotes the nearest sentence of the text after a heading', () => {
    const system = `You are a tutor. Cells are a favourite of yours.\nPassages:\n${PROSE.English!}`;
    expect(answer('What does the mitochondrion of a cell produce?', system)).toContain(
      '“The mitochondrion produces most of the chemical energy of a cell.”',
    );
  });

  it('answers with what the passages say, the nearest first, before it says what it is', () => {
    const reply = answer('What does 谢谢 mean?', JSON.stringify({ passages: CHAPTER }));
    expect(reply).toMatch(/^“Greetings” says: “谢谢 \(xièxie\) — thank you”/);
    expect(reply.match(/” says: /gu)!.length).toBeLessThanOrEqual(3);
  });

  it('finds what a passage is about by its title', () => {
    expect(answer('What do I say when I am shopping in a shop?', JSON.stringify({ passages: CHAPTER }))).toMatch(/^“In the shop” says: /);
  });

  it('quotes nothing that shares no more with the question than words that every question has', () => {
    expect(answer('What does the word mean that I need?', JSON.stringify({ passages: CHAPTER }))).toContain(
      'no passage that speaks of this',
    );
  });

  it('quotes nothing when nothing is near', () => {
    expect(answer('Wie spät ist es?', JSON.stringify({ passages: [GREETINGS] }))).toContain('no passage that speaks of this');
  });
});

describe('embed', () => {
  it('gives unit vectors of 256 numbers, the same for the same text', () => {
    const [first, second] = model.embed(['The cell and its energy', 'The cell and its energy']);
    expect(first).toHaveLength(256);
    expect(first).toEqual(second);
    expect(Math.hypot(...first!)).toBeCloseTo(1, 10);
  });

  it.each(['', ' ', '!?', '—'])('gives no zero vector for %j', (text) => {
    expect(model.embed([text])[0]).toEqual(model.embed([''])[0]);
    expect(Math.hypot(...model.embed([text])[0]!)).toBe(1);
  });

  it.each([
    ['how to greet a teacher', 'greet your teacher politely', 'apples cost three yuan a pound'],
    ['我想买苹果', '苹果多少钱？', '爸爸是医生'],
    ['The inner membrane of the mitochondrion', 'A MEMBRANE, inner and folded', 'The river flows into the sea'],
  ])('puts %j nearer to %j than to %j', (text, near, far) => {
    expect(likeness(text, near)).toBeGreaterThan(likeness(text, far) + 0.1);
  });
});

function answer(content: string, system?: string): string {
  const user = { role: 'user', content };
  return model.answer({ model: 'm', messages: system === undefined ? [user] : [{ role: 'system', content: system }, user] });
}

function writeQuiz(task: object): QuizQuestion[] {
  const document = {
    task: 'write_quiz',
    book: 'HSK 1',
    chapter: '1',
    level: 'A1',
    weak_skills: [],
    passages: CHAPTER,
    feedback: [],
    ...task,
  };
  return (JSON.parse(answer(JSON.stringify(document))) as { questions: QuizQuestion[] }).questions;
}

function evaluate(questions: readonly object[], passages: readonly Passage[]): Verdict[] {
  const document = { task: 'evaluate_quiz', level: 'A1', exercise_type: 'mixed', question_count: questions.length, passages, questions };
  return (JSON.parse(answer(JSON.stringify(document))) as { verdicts: Verdict[] }).verdicts;
}

function expectAccepted(questions: readonly QuizQuestion[], passages: readonly Passage[]): void {
  const numbered = questions.map((question, index) => ({ ...question, index }));
  const rejected = evaluate(numbered, passages).filter(({ level_ok, correct, grounded }) => !(level_ok && correct && grounded));
  expect(rejected).toEqual([]);
}

function grade(given: string, correct_answer: string): Grade {
  const document = { task: 'grade_answer', question: { type: 'fill_in_blank', prompt: '?' }, passage: null, correct_answer, answer: given };
  return JSON.parse(answer(JSON.stringify(document))) as Grade;
}

function likeness(a: string, b: string): number {
  const [left, right] = model.embed([a, b]);
  return left!.reduce((sum, value, i) => sum + value * right![i]!, 0);
}
