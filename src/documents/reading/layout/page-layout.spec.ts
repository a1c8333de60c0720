import { describe, expect, it } from '@jest/globals';
import { cleanText } from './clean-text.js';
import { layOutPage, type TextRun } from './index.js';

const LONG = 'words that fill a whole line of a column';

function run(text: string, x: number, y: number, more: Partial<TextRun> = {}): TextRun {
  return { text, x, y, size: 10, length: 5 * text.length, angle: 0, isRightToLeft: false, ...more };
}

describe('the text of a page', () => {
  it('is read from the top down, whatever was drawn first', () => {
    expect(layOutPage([run('second', 0, 88), run('third', 0, 76), run('first', 0, 100)])).toBe('first\nsecond\nthird');
  });

  it('has words apart where they were drawn apart, and whole where they were not', () => {
    expect(layOutPage([run('pho', 0, 100), run('to', 15, 100), run('graph', 29, 100)])).toBe('photo graph');
  });

  it('has text once that was drawn twice to be bold', () => {
    expect(layOutPage([run('bold', 0, 100), run('bold', 0.5, 100)])).toBe('bold');
  });

  it('keeps a superscript in its line', () => {
    expect(layOutPage([run('E = mc', 0, 100), run('2', 30, 104, { size: 6 }), run('next', 0, 88)])).toBe('E = mc2\nnext');
  });

  it('has a blank line before a paragraph that is apart or indented, and around a heading', () => {
    const lines = [
      run('Heading', 0, 120, { size: 14 }),
      run('one', 0, 100),
      run('two', 0, 88),
      run('three', 12, 76),
      run('four', 0, 64),
      run('five', 0, 40),
    ];
    expect(layOutPage(lines)).toBe('Heading\n\none\ntwo\n\nthree\nfour\n\nfive');
  });

  it('is read column after column between what reaches across, also with three of them and lines at other heights', () => {
    const column = (name: string, x: number, shift: number): TextRun[] =>
      [0, 1, 2, 3].map((line) => run(`${name}${line} ${LONG}`.slice(0, 30), x, 200 - 12 * line - shift));
    const across = (text: string, y: number): TextRun => run(text.padEnd(100, '.'), 0, y);
    const text = layOutPage([
      across('top', 230),
      ...column('a', 0, 0),
      ...column('b', 180, 3),
      ...column('c', 360, 6),
      across('bottom', 100),
    ]);
    const firstWords = text.split(/\n+/).map((line) => /^\w+/.exec(line)?.[0]);
    expect(firstWords).toEqual(['top', ...['a', 'b', 'c'].flatMap((name) => [0, 1, 2, 3].map((line) => `${name}${line}`)), 'bottom']);
  });

  it('is split where a line spans the gutter with spaces', () => {
    const lines = [0, 1, 2, 3].map((line) => run(`left ${line} ${LONG}`.padEnd(60) + `right ${line} ${LONG}`, 0, 100 - 12 * line));
    const text = layOutPage(lines);
    expect(text.indexOf('left 3')).toBeLessThan(text.indexOf('right 0'));
  });

  it('is read down and to the left where it is written vertically, and from the right where its script is', () => {
    const vertical = { angle: -90, length: 20 };
    expect(layOutPage([run('左行', 80, 100, vertical), run('右行', 100, 100, vertical)])).toBe('右行\n左行');
    expect(layOutPage([run('עולם', 0, 100, { isRightToLeft: true }), run('שלום', 24, 100, { isRightToLeft: true })])).toBe('שלום עולם');
  });

  it('has what is written at an angle after the rest', () => {
    const watermark = run('DRAFT', 50, 50, { angle: 45 });
    expect(layOutPage([watermark, run('a line of text', 0, 100), run('and one more', 0, 88)])).toBe(
      'a line of text\nand one more\n\nDRAFT',
    );
  });

  it('is made of a hundred thousand pieces without ado', () => {
    const pieces = Array.from({ length: 100_000 }, (_, index) => run('a', (index % 500) * 5, 10_000 - Math.floor(index / 500) * 12));
    expect(layOutPage(pieces).length).toBeGreaterThan(100_000);
  });

  it('is empty where nothing is written', () => {
    expect(layOutPage([])).toBe('');
    expect(layOutPage([run(' ', 0, 0)])).toBe('');
  });
});

describe('clean text', () => {
  it.each([
    ['a ligature', 'eﬃcient ﬂow', 'efficient flow'],
    ['a radical for a character', '⼈⼝', '人口'],
    ['full-width punctuation, which stays', '你好，世界！', '你好，世界！'],
    ['an accent of its own', 'e\u0301cole', 'école'],
    ['NUL, controls and halves of pairs', 'a\0b\u0007c\ud800d\udc00e😀', 'abcde😀'],
    ['hyphens at line ends', 'photo-\nsynthesis and soft\u00ad\nware', 'photosynthesis and software'],
    ['a hyphen before a name', 'Anglo-\nSaxon', 'Anglo-\nSaxon'],
    ['a range of numbers', '1990-\n1995', '1990-\n1995'],
    ['odd spaces', 'a\u00a0 b\u3000c \n d', 'a b c\nd'],
  ])('is right about %s', (_, dirty, clean) => {
    expect(cleanText(dirty)).toBe(clean);
  });
});
