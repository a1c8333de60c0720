import { describe, expect, it } from '@jest/globals';
import {
  bookCatalogue,
  documentClassification,
  tidyCatalogue,
  tidyClassification,
  type ChapterStart,
  type DocumentClassification,
} from './classification.js';

const COURSE: DocumentClassification = {
  title: 'Mandarin',
  language: 'zh',
  level: 'A1',
  subject: 'Chinese for beginners',
  chapters: [{ title: 'Greetings', first_page: 1 }],
};
const at = (title: string, first_page: number): ChapterStart => ({ title, first_page });
const tidied = (chapters: ChapterStart[], pages: number): ChapterStart[] => tidyClassification({ ...COURSE, chapters }, pages).chapters;

describe('a classification', () => {
  it.each(['en', 'zh', 'zh-Hans', 'pt-BR', 'und'])('takes %s for a language', (language) => {
    expect(documentClassification.safeParse({ ...COURSE, language }).success).toBe(true);
  });

  it.each([
    ['a language by its name', { language: 'Chinese' }],
    ['a level that there is not', { level: 'A3' }],
    ['no chapter', { chapters: [] }],
    ['more chapters than anybody reads', { chapters: Array.from({ length: 61 }, (_, page) => at('x', page + 1)) }],
    ['a page before the first', { chapters: [at('x', 0)] }],
    ['half a page', { chapters: [at('x', 1.5)] }],
    ['a chapter without a name', { chapters: [at('', 1)] }],
    ['a text that the database cannot keep', { title: 'a\0b' }],
  ])('is not one with %s', (_, flaw) => {
    expect(documentClassification.safeParse({ ...COURSE, ...flaw }).success).toBe(false);
  });
});

describe('a tidied classification', () => {
  it('has its chapters in the order of their pages, the first from page 1', () => {
    expect(tidied([at('Shopping', 9), at('Greetings', 3)], 20)).toEqual([at('Greetings', 1), at('Shopping', 9)]);
  });

  it('has none beyond the last page', () => {
    expect(tidied([at('Greetings', 1), at('Shopping', 20), at('Travel', 21)], 20)).toEqual([at('Greetings', 1), at('Shopping', 20)]);
  });

  it('has one chapter with the title of the document where none is within it', () => {
    expect(tidied([at('Travel', 21)], 20)).toEqual([at('Mandarin', 1)]);
  });

  it('has one chapter to a page, the one that was named first', () => {
    expect(tidied([at('Greetings', 1), at('Shopping', 5), at('Also shopping', 5), at('Hello', 1)], 20)).toEqual([
      at('Greetings', 1),
      at('Shopping', 5),
    ]);
  });

  it('takes a title that follows itself for one chapter, and one that comes back later for another', () => {
    const chapters = [at('Greetings', 2), at('Greetings', 3), at('Review', 4), at('Greetings', 5)];
    expect(tidied(chapters, 20)).toEqual([at('Greetings', 1), at('Review', 4), at('Greetings', 5)]);
  });

  it('is what it was in everything else, and stays as it is', () => {
    const once = tidyClassification({ ...COURSE, chapters: [at('b', 8), at('a', 2)] }, 10);
    expect(once).toEqual({ ...COURSE, chapters: [at('a', 1), at('b', 8)] });
    expect(tidyClassification(once, 10)).toEqual(once);
  });
});

describe('a tidied catalogue', () => {
  const catalogue = (order: number[]) => bookCatalogue.parse({ title: 'x', language: 'en', level: 'none', subject: 'y', order });

  it.each([
    [
      [2, 0, 1],
      [2, 0, 1],
    ],
    [[], [0, 1, 2]],
    [[1], [1, 0, 2]],
    [
      [7, 2, 2, 3, 0],
      [2, 0, 1],
    ],
  ])('makes of the order %j one in which each of three documents stands once', (order, expected) => {
    expect(tidyCatalogue(catalogue(order), 3).order).toEqual(expected);
  });
});
