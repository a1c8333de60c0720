import { readFileSync } from 'node:fs';
import { beforeAll, describe, expect, it } from '@jest/globals';
import { Tiktoken } from 'js-tiktoken/lite';
import o200kBase from 'js-tiktoken/ranks/o200k_base';
import { mandarinCourse } from '../../database/sample/mandarin-course.js';
import { countPromptTokens, countTokens } from './index.js';

const read = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
const PASSAGES = mandarinCourse.chapters.flatMap(({ passages }) => passages.map(({ text }) => text));
const CHINESE = PASSAGES.join('').replace(/\P{Script=Han}/gu, '');

/** The same numbers at every run, from 0 up to 1. */
function dice(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2 ** 31) / 2 ** 31;
}

/** Characters of all kinds side by side, also such as belong to no text: controls, marks alone, halves of pairs. */
function jumble(seed: number): string {
  const roll = dice(seed);
  const kinds = [32, 10, 39, 47, ...Array<number>(4).fill(0x7f), 0x300, 0x370, 0x9fff, 0xffff];
  const codes = Array.from({ length: 60 }, () => {
    const kind = kinds[Math.floor(roll() * kinds.length)]!;
    return kind < 0x7f ? kind : Math.floor(roll() * kind);
  });
  return String.fromCharCode(...codes);
}

describe('countTokens', () => {
  let encoder: Tiktoken;
  beforeAll(() => {
    encoder = new Tiktoken(o200kBase);
  });
  const exactly = (text: string): number => encoder.encode(text, [], []).length;

  it.each([
    ['', 0],
    ['hello world', 2],
    ['你好', 1],
    ['The quick brown fox jumps over the lazy dog.', 10],
  ])('counts %j as %i in o200k_base', (text, count) => expect(countTokens(text)).toBe(count));

  it('takes the name of a special token as text', () => expect(countTokens('<|endoftext|>')).toBeGreaterThan(1));

  it.each([
    ['English, in Markdown', read('README.md')],
    ['Chinese, with pinyin and English', PASSAGES.join('\n\n')],
    ['code', read('src/llm/llm.ts')],
    ['JSON', JSON.stringify(mandarinCourse.chapters[0])],
    ['JSON on many lines, with base64', read('package-lock.json').slice(0, 100_000)],
  ])('counts ordinary text exactly as the encoder does: %s', (_, text) => {
    expect(countTokens(text)).toBe(exactly(text));
  });

  it.each([
    ['Chinese without a stop', CHINESE.slice(0, 600)],
    ['letters', 'thequickbrownfoxjumpsoverthelazydog'.repeat(40)],
    ['capitals', 'QUICKBROWNFOX'.repeat(60)],
    ['base64', Buffer.from(CHINESE.slice(0, 2000)).toString('base64')],
    ['one letter', 'a'.repeat(1001)],
    ['lines of a table', '-'.repeat(1001)],
    ['spaces before a word', `${' '.repeat(1001)}x`],
    ['empty lines', '\r\n \n'.repeat(200)],
    ['slashes on lines of their own', `-${'\n/'.repeat(400)}`],
    ['emoji of several characters', '👩‍👩‍👧'.repeat(60)],
    ['accents on accents', `e${'\u0301\u0308'.repeat(300)}`],
    ['digits', '3.14159265358979'.repeat(100)],
  ])('counts a long run exactly as the encoder does: %s', (_, text) => {
    expect(countTokens(text)).toBe(exactly(text));
  });

  it('counts whatever else comes exactly as the encoder does', () => {
    const texts = Array.from({ length: 1000 }, (_, seed) => jumble(seed));
    expect(texts.filter((text) => countTokens(text) !== exactly(text))).toEqual([]);
  });

  it('counts a run that would keep the encoder for hours', () => {
    expect(countTokens('a'.repeat(400_000))).toBe(50_000);
  });
});

describe('countPromptTokens', () => {
  it('adds 3 for each message, 1 for a name and 3 to prime the answer', () => {
    const [role, content, name] = ['user', 'hello world', 'ann'];
    const words = countTokens(role) + countTokens(content);
    expect(countPromptTokens([{ role, content }])).toBe(words + 3 + 3);
    expect(
      countPromptTokens([
        { role, content, name },
        { role, content: null },
      ]),
    ).toBe(words + countTokens(name) + 1 + countTokens(role) + 3 + 3 + 3);
  });
});
