import { describe, expect, it } from '@jest/globals';
import { chunkText, type PageText } from './chunk-text.js';

const sentence = (index: number): string => `Sentence number ${index} tells of plants, light and water.`;
const sentences = (from: number, count: number): string => Array.from({ length: count }, (_, index) => sentence(from + index)).join(' ');
const bare = (text: string): string => text.replace(/\s+/g, '');
const all = (pages: readonly PageText[]): string => bare(pages.map(({ text }) => text).join(''));
const said = (pages: readonly PageText[]): string =>
  bare(
    chunkText(pages)
      .map(({ text }) => text)
      .join(''),
  );

describe('passages', () => {
  it('are none of nothing', () => {
    expect(chunkText([])).toEqual([]);
    expect(chunkText([{ number: 1, text: ' \n ' }])).toEqual([]);
  });

  it('are of 600 to 1200 letters, cut between paragraphs, and lose nothing', () => {
    const paragraphs = Array.from({ length: 12 }, (_, index) => sentences(10 * index, 6));
    const pages = [{ number: 1, text: paragraphs.join('\n\n') }];
    const chunks = chunkText(pages);
    for (const { text } of chunks) {
      expect(text.length).toBeGreaterThanOrEqual(600);
      expect(text.length).toBeLessThanOrEqual(1210);
      for (const paragraph of text.split('\n\n')) expect(paragraphs).toContain(paragraph);
    }
    expect(said(pages)).toBe(all(pages));
  });

  it('are cut between sentences where a paragraph is too long, else between words, else between characters', () => {
    for (const { text } of chunkText([{ number: 1, text: sentences(0, 60) }])) expect(text).toMatch(/^Sentence.*water\.$/);
    const words = [{ number: 1, text: 'word '.repeat(1000) }];
    for (const { text } of chunkText(words)) expect(text).toMatch(/^(word )+word$/);
    const pairs = [{ number: 1, text: '😀'.repeat(2000) }];
    for (const { text } of chunkText(pairs)) expect(text.isWellFormed()).toBe(true);
    expect([said(words), said(pairs)]).toEqual([all(words), all(pairs)]);
  });

  it('are of 250 to 500 characters in Chinese, cut between sentences, and their lines join without a space', () => {
    const pages = [{ number: 1, text: '植物利用阳光制造\n养分，这个过程叫做光合作用。'.repeat(80) }];
    const chunks = chunkText(pages);
    expect(chunks.length).toBeGreaterThan(2);
    for (const { text } of chunks) expect(text).toMatch(/^植物利用阳光制造养分.*光合作用。$/);
    for (const { text } of chunks.slice(0, -1)) expect(text.length >= 250 && text.length <= 500).toBe(true);
    expect(said(pages)).toBe(all(pages));
  });

  it('know the page on which they begin, and go on over its end in the middle of a sentence', () => {
    const pages = [
      { number: 4, text: `${sentences(0, 14)} This one goes` },
      { number: 5, text: `on here.\n\n${sentences(20, 14)}` },
    ];
    const chunks = chunkText(pages);
    expect(chunks.map(({ page }) => page)).toEqual([4, 5]);
    expect(chunks[0]?.text).toMatch(/This one goes on here\.$/);
  });

  it('keep a heading with what follows it', () => {
    const parts = Array.from({ length: 6 }, (_, index) => `Chapter ${'ABCDEF'.charAt(index)}\n\n${sentences(10 * index, 13)}`);
    const chunks = chunkText([{ number: 1, text: parts.join('\n\n') }]);
    expect(chunks).toHaveLength(6);
    for (const { text } of chunks) expect(text).toMatch(/^Chapter [A-F]\n\nSentence.*water\.$/);
  });
});

describe('headers, footers and page numbers', () => {
  const body = (page: number): string => `${sentences(100 * page, 5)}\n\n${sentences(100 * page + 50, 5)}`;
  const numbers = [1, 2, 3, 4, 5, 6];

  it('are dropped where they repeat, with numbers that count the pages, left and right of their own', () => {
    const pages = numbers.map((number) => {
      const header = number % 2 ? 'Biology for beginners' : 'Chapter one: plants';
      return { number, text: `${header}\n${body(number)}\n\nPage ${number + 10} of 90` };
    });
    expect(said(pages)).toBe(numbers.map((number) => bare(body(number))).join(''));
  });

  it('are kept where they do not repeat', () => {
    const pages = numbers.map((number) => ({ number, text: `Lesson ${number * number}\n${body(number)}\n\nExercise ${70 - number}` }));
    expect(said(pages)).toBe(all(pages));
  });

  it('are kept in the middle of a page, and where a page has nothing else', () => {
    const pages = numbers.map((number) => ({ number, text: `This is sheet ${number} of the book.` }));
    expect(said(pages)).toBe(all(pages));
    const middle = numbers.map((number) => ({
      number,
      text: `${body(number)}\n\nThe same in the middle.\n\n${body(number + 10)}\n\n${body(number + 20)}`,
    }));
    expect(said(middle)).toBe(all(middle));
  });
});
