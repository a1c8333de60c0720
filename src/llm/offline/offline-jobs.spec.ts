import { describe, expect, it } from '@jest/globals';
import { OfflineModel } from './index.js';

interface Classification {
  readonly title: string;
  readonly language: string;
  readonly level: string;
  readonly subject: string;
  readonly chapters: { readonly title: string; readonly first_page: number }[];
}

interface Recommendation {
  readonly action: string;
  readonly reason: string;
  readonly confidence: number;
  readonly estimated_saving: number | null;
}

const model = new OfflineModel();
const answer = (document: object): unknown =>
  JSON.parse(model.answer({ model: 'm', messages: [{ role: 'user', content: JSON.stringify(document) }] }));

const PROSE = 'The membrane of the cell is folded many times. It holds the enzymes that are needed for respiration. All cells have one.';

function classify(texts: readonly string[], more: object = {}): Classification {
  const pages = texts.map((text, index) => ({ number: index + 1, text }));
  return answer({ task: 'classify_document', name: 'a_course.pdf', page_count: pages.length, pages, ...more }) as Classification;
}

describe('classify_document', () => {
  it.each([
    ['en', PROSE],
    ['de', 'Die Donau entspringt im Schwarzwald. Sie mündet ins Schwarze Meer und ist nicht der längste Fluss.'],
    ['fr', 'Le chat est dans la maison et les enfants sont avec vous. Il ne veut pas que nous partions.'],
    ['es', 'El perro está en la casa con los niños. No se come por la noche, y su agua es para las plantas.'],
    ['zh', '我是学生。你好吗？老师在学校里。'],
    ['zh', '你好 (nǐ hǎo) — hello\n再见 (zàijiàn) — goodbye\n谢谢 (xièxie) — thank you'],
    ['ja', '東京は日本の首都です。人口はとても多いです。コーヒーを飲みます。'],
    ['ko', '저는 학생입니다. 안녕하세요?'],
    ['ru', 'Волга впадает в Каспийское море.'],
    ['ar', 'القاهرة هي عاصمة مصر.'],
    ['en', `${PROSE} ${PROSE} It is called 线粒体.`],
    ['und', '12 34 56'],
    ['und', ''],
  ])('finds the language %s of %j', (language, text) => expect(classify([text]).language).toBe(language));

  it.each([
    ['A1', '我是学生。你是老师。他也是学生。她很好。'],
    ['A1', 'I am a boy. You are a girl. We go home. It is hot.'],
    [
      'C2',
      'Notwithstanding the considerable methodological reservations articulated by contemporary historians, the interpretation nevertheless retains remarkable explanatory power. '.repeat(
        4,
      ),
    ],
    ['none', 'Only this.'],
  ])('finds the level %s by the length of sentences and words: %j', (level, text) => expect(classify([text]).level).toBe(level));

  it.each([
    ['B1', 'German B1.pdf'],
    ['B2', 'HSK 4 workbook.pdf'],
  ])('believes the name of a file that says %s: %s', (level, name) => expect(classify([PROSE], { name }).level).toBe(level));

  it.each([
    ['Chapter 3', 'Chapter 3: The cell', 'Chapter 4: The tissue'],
    ['第三章', '第三章 问路', '第四章 买东西'],
    ['第十二课', '第十二课', '第十三课'],
    ['Lesson 2', 'LESSON 2 - At the market', 'Lesson 3 - At home'],
    ['Unit II', 'Unit II', 'Unit III'],
  ])('finds chapters by headings such as %s, wherever they stand on the page', (_, first, second) => {
    const { chapters } = classify([`A Course\n${PROSE}`, `${PROSE}\n${first}\n${PROSE}`, PROSE, `${second}\n${PROSE}`]);
    expect(chapters).toEqual([
      { title: first, first_page: 2 },
      { title: second, first_page: 4 },
    ]);
  });

  it('takes the name of a chapter from the line under its number', () => {
    const { chapters } = classify([`Chapter 1\nThe cell\n${PROSE}`, `Chapter 2.\nThe tissue\n${PROSE}`, `第三课\n买东西\n${PROSE}`]);
    expect(chapters.map(({ title }) => title)).toEqual(['Chapter 1: The cell', 'Chapter 2: The tissue', '第三课: 买东西']);
  });

  it('takes neither a table of contents nor running heads for chapters', () => {
    const contents = ['Contents', 'Chapter 1 The cell', 'Chapter 2 The tissue', 'Chapter 3 The body'].join('\n');
    const pages = ['Chapter 1 The cell', 'Chapter 1 The cell', 'Chapter 2 The tissue', 'Chapter 2 The tissue'];
    expect(classify([contents, ...pages.map((head) => `${head}\n${PROSE}`)]).chapters).toEqual([
      { title: 'Chapter 1 The cell', first_page: 2 },
      { title: 'Chapter 2 The tissue', first_page: 4 },
    ]);
  });

  it('finds numbered titles at the tops of pages where no heading is named', () => {
    const { chapters } = classify([`1. The cell\n${PROSE}\n7. no title down here`, PROSE, `2. The tissue\n${PROSE}`]);
    expect(chapters).toEqual([
      { title: '1. The cell', first_page: 1 },
      { title: '2. The tissue', first_page: 3 },
    ]);
  });

  it('finds short lines at the tops of pages where nothing has a number', () => {
    const { chapters } = classify([`The cell\n${PROSE}`, PROSE, `The tissue\n${PROSE}`]);
    expect(chapters.map(({ title, first_page }) => [title, first_page])).toEqual([
      ['The cell', 1],
      ['The tissue', 3],
    ]);
  });

  it('cuts a document without headings into parts of twenty pages, and a short one not at all', () => {
    expect(classify(Array<string>(45).fill(PROSE)).chapters).toEqual([
      { title: 'Pages 1–20', first_page: 1 },
      { title: 'Pages 21–40', first_page: 21 },
      { title: 'Pages 41–45', first_page: 41 },
    ]);
    expect(classify([PROSE], { page_count: 6000 }).chapters).toHaveLength(60);
    expect(classify([PROSE, PROSE]).chapters).toEqual([{ title: 'a course', first_page: 1 }]);
  });

  it('takes the title from the first line, else from the name of the file', () => {
    expect(classify([`Biology for all\n${PROSE}`]).title).toBe('Biology for all');
    expect(classify([PROSE]).title).toBe('a course');
    expect(classify([PROSE], { name: '.pdf' }).title).toBe('Untitled');
  });

  it('names the language that is taught as the subject, else what is spoken of most', () => {
    expect(classify(['我是学生。你好吗？']).subject).toBe('Chinese');
    expect(classify([`${PROSE} The membrane grows. The membrane is thin, as a membrane should be. Enzymes, enzymes!`]).subject).toBe(
      'membrane, enzymes',
    );
  });
});

describe('catalogue_book', () => {
  const catalogue = (documents: readonly object[]) => answer({ task: 'catalogue_book', documents }) as Classification & { order: number[] };
  const titled = (...titles: string[]) => catalogue(titles.map((title) => ({ title, language: 'zh', level: 'A1', subject: 'Chinese' })));

  it.each([
    [['HSK 1 – Part 2', 'HSK 1 – Part 10', 'HSK 1 – Part 1'], 'HSK 1', [2, 0, 1]],
    [['汉语第十课', '汉语第二课', '汉语第十一课', '汉语第一课'], '汉语', [3, 1, 0, 2]],
    [['Verbs', 'Nouns', 'Articles'], 'Articles and 2 more', [2, 1, 0]],
    [['Verbs'], 'Verbs', [0]],
  ])('names a book of %j and puts it in order', (titles, title, order) => {
    expect(titled(...titles)).toMatchObject({ title, order });
  });

  it('says of the book what most of its documents say', () => {
    const documents = [
      { title: 'a', language: 'zh', level: 'none', subject: 'Chinese' },
      { title: 'b', language: 'en', level: 'none', subject: 'Grammar' },
      { title: 'c', language: 'zh', level: 'B1', subject: 'Chinese' },
    ];
    expect(catalogue(documents)).toMatchObject({ language: 'zh', level: 'B1', subject: 'Chinese' });
    expect(catalogue([])).toEqual({ title: 'Untitled', language: 'und', level: 'none', subject: 'Unknown', order: [] });
  });
});

describe('analyse_resource', () => {
  const analyse = (resource: object): Recommendation =>
    answer({ task: 'analyse_resource', goal: 'Spend less.', resource }) as Recommendation;

  it.each([
    [{ cpu_percent: 2, memory_percent: 4, monthly_cost: 80 }, 'stop', 80],
    [{ cpu_percent: 2, memory_percent: 60, monthly_cost: 80 }, 'keep', 0],
    [{ cpuUtilization: 0.2, memoryUsage: 0.3, costPerMonth: 80 }, 'resize to half', 40],
    [{ metrics: { cpu_avg: 30 }, cost: { hourly_cost: 0.1 } }, 'resize to half', 36.5],
    [{ cpu_percent: 55, memory_percent: 61, monthly_cost: 80 }, 'keep', 0],
    [{ cpu_percent: 93, memory_percent: 61, monthly_cost: 80 }, 'resize to the next larger size', null],
    [{ state: 'Unattached', yearly_cost: 120 }, 'stop', 10],
    [{ idle_days: 45, monthly_price: 9.99 }, 'stop', 9.99],
    [{ idle_days: 3, cpu_percent: 50 }, 'keep', 0],
    [{ status: 'stopped', monthly_cost: 12 }, 'delete', 12],
    [{ status: 'stopped' }, 'keep', 0],
    [{ cpu_percent: 2 }, 'stop', null],
    [{ cpu_percent: 0.5, monthly_cost: 80 }, 'stop', 80],
  ])('says of %j: %s, saving %s', (resource, action, estimated_saving) => {
    expect(analyse({ id: 'x', name: 'x', ...resource })).toMatchObject({ action, estimated_saving });
  });

  it.each([
    {},
    { color: 'blue' },
    { monthly_cost: 500 },
    { cpu_percent: 'low' },
    { cpu_count: 4, ram_gb: 8 },
    { cpu_usage_seconds: 50 },
    { memory_usage_gb: 8 },
    { cpu_avg_limit: 4 },
    { program_usage: 40, cost_center: 12 },
    { status: 'available' },
  ])('does not pretend to understand %j', (resource) => {
    const { action, confidence, estimated_saving, reason } = analyse({ id: 'x', name: 'x', ...resource });
    expect([action, confidence, estimated_saving]).toEqual(['review', 0.1, null]);
    expect(reason).toContain('no field says');
  });

  it('says that it is a rule, and the figures that it went by', () => {
    expect(analyse({ cpu_percent: 20, mem_used_percent: 31.5, monthly_cost: 80 }).reason).toBe(
      "By a fixed rule, not by a model's judgement: cpu_percent is 20% and mem_used_percent is 31.5%, below 40%, so that half would do. It costs 80 a month (monthly_cost).",
    );
  });
});

describe('summarise_analysis', () => {
  it('says what was counted, and that it is a rule', () => {
    const totals = { analysed: 1, failed: 0, by_action: { review: 1 }, estimated_saving: null };
    const recommendations = [{ name: 'vm', action: 'review', estimated_saving: null }];
    expect(answer({ task: 'summarise_analysis', totals, recommendations })).toEqual({
      summary:
        '1 resource has a recommendation. By action: review 1. No saving could be estimated. These sentences were put together by a fixed rule, not by a model.',
      highlights: [],
    });
  });
});

describe('an image', () => {
  it('is not seen, and that is said', () => {
    const content = [
      { type: 'text', text: '{"task":"transcribe_page"}' },
      { type: 'image_url', image_url: { url: 'data:image/png;base64,' } },
    ];
    expect(model.answer({ model: 'm', messages: [{ role: 'user', content }] })).toMatch(/I cannot see images\. Set VISION_MODEL/);
  });
});
