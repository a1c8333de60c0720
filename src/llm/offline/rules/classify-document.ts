import { findChapters, isTitle, type ChapterStart } from './find-chapters.js';
import { languageOf } from './language-of.js';
import { levelOf, type Level } from './level-of.js';
import { wordsOf } from './phrases.js';
import { clip } from './split-text.js';
import type { ClassifyDocumentTask } from './tasks.js';

export interface Classification {
  readonly title: string;
  readonly language: string;
  readonly level: Level;
  readonly subject: string;
  readonly chapters: readonly ChapterStart[];
}

const LANGUAGES = new Intl.DisplayNames(['en'], { type: 'language' });
const LONGEST_TITLE = 100;
/** Pages at the front, on which a document says what it is. */
const FRONT_PAGES = 3;
const SUBJECT_WORDS = 3;
const SHORTEST_SUBJECT_WORD = 5;

/** What a document is, by rule: its language by script and stop words, its level by the length of sentences, its chapters by headings. */
export function classifyDocument({ name, page_count, pages }: ClassifyDocumentTask): Classification {
  const text = pages.map((page) => page.text).join('\n');
  const front = pages.slice(0, FRONT_PAGES).map((page) => page.text);
  const title = titleOf(name, front[0] ?? '');
  const language = languageOf(text);
  const pageCount = Math.max(page_count, ...pages.map(({ number }) => number), 1);
  return {
    title,
    language,
    level: levelOf([name, ...front].join('\n'), text),
    subject: subjectOf(text, language) ?? title,
    chapters: findChapters(pages, pageCount, title),
  };
}

/** The first line of the first page if it can be a title, else the name of the file. */
function titleOf(name: string, firstPage: string): string {
  const line = firstPage.trim().split('\n', 1)[0]?.trim() ?? '';
  const file = name
    .replace(/\.[a-z0-9]{1,5}$/i, '')
    .replaceAll(/[_\s]+/g, ' ')
    .trim();
  return clip(isTitle(line) ? line : file || 'Untitled', LONGEST_TITLE);
}

/** The language where it is not English, because then it is most likely what is taught; else the words that are said most. */
function subjectOf(text: string, language: string): string | undefined {
  if (language !== 'en' && language !== 'und') return LANGUAGES.of(language);
  const counts = new Map<string, number>();
  for (const word of wordsOf(text).filter(isTelling)) counts.set(word, (counts.get(word) ?? 0) + 1);
  const commonest = [...counts].filter(([, count]) => count > 1).toSorted(([, a], [, b]) => b - a);
  return commonest.length === 0
    ? undefined
    : commonest
        .slice(0, SUBJECT_WORDS)
        .map(([word]) => word)
        .join(', ');
}

function isTelling(word: string): boolean {
  return word.length >= SHORTEST_SUBJECT_WORD && /^\p{L}+$/u.test(word) && !EMPTY_WORDS.has(word);
}

/** Long words that say nothing of what a text is about. */
const EMPTY_WORDS = new Set(
  'about above after again against almost along already although always among another around because before being below between chapter could during every first found given great having lesson little might never other others part place right section shall should since small something still their there these thing things those though three through together under until using where which while within without would years your'.split(
    ' ',
  ),
);
