import { clip } from './split-text.js';

export interface PageText {
  readonly number: number;
  readonly text: string;
}

export interface ChapterStart {
  readonly title: string;
  readonly first_page: number;
}

const MOST_CHAPTERS = 60;
const LONGEST_TITLE = 80;
/** Pages of one part where no heading says better. */
const PAGES_PER_PART = 20;
/** A page with so many headings is a table of contents. */
const CONTENTS = 3;
/** Lines at the beginning of a page among which a title may stand, under a running head. */
const TOP_LINES = 2;

const NAMED_HEADING =
  /^(?:chapter|lesson|unit|part|module|section|kapitel|lektion|teil|chapitre|leçon|capítulo|lección|unidad|capitolo|lezione|глава|урок)\s+(?:\d+|[ivxlc]+|one|two|three|four|five|six|seven|eight|nine|ten)\b|^第\s*[\d〇零一二三四五六七八九十百两]+\s*(?:[章课課节節部篇讲講]|单元|單元)/iu;
/** A heading that says nothing but its number; what it is about stands on the next line. */
const BARE = /^\S+\s+\S+[.:]?$|^第\s*\S+\s*(?:[章课課节節部篇讲講]|单元|單元)$/u;
const NUMBERED_HEADING = /^\d{1,2}(?:[.、)]\s*|\s+)\p{L}/u;
const SENTENCE_END = /[.!?;,。！？；，、…:：]["'”’」』]?$/u;

/** What takes a line of a page for the title of a chapter; the lines of its page are told for those that look around. */
type TitleRule = (line: string, place: number, lines: readonly string[]) => string | undefined;

const RULES: readonly TitleRule[] = [namedTitle, numberedTitle, plainTitle];

/**
 * The chapters that the headings of a document show: those like "Chapter 3" or "第三章", else numbered ones at the tops of pages, else
 * short lines there that are no sentences. The first kind of which there are two is taken; without any, parts of twenty pages.
 */
export function findChapters(pages: readonly PageText[], pageCount: number, documentTitle: string): ChapterStart[] {
  for (const rule of RULES) {
    const chapters = withoutRepeats(pages.flatMap((page) => titlesOn(page, rule)));
    if (chapters.length >= 2) return chapters.slice(0, MOST_CHAPTERS);
  }
  return cutIntoParts(pageCount, documentTitle);
}

function titlesOn({ number, text }: PageText, rule: TitleRule): ChapterStart[] {
  const lines = text.split('\n').map((line) => line.trim());
  const titles = lines.map((line, place) => rule(line, place, lines)).filter((title) => title !== undefined);
  return titles.length >= CONTENTS ? [] : titles.slice(0, 1).map((title) => ({ title: clip(title, LONGEST_TITLE), first_page: number }));
}

function namedTitle(line: string, place: number, lines: readonly string[]): string | undefined {
  if (!NAMED_HEADING.test(line) || line.length > LONGEST_TITLE) return undefined;
  const next = lines[place + 1] ?? '';
  const isBare = BARE.test(line) && isTitle(next) && !NAMED_HEADING.test(next);
  return isBare ? `${line.replace(/[.:]$/, '')}: ${next}` : line;
}

function numberedTitle(line: string, place: number): string | undefined {
  return place < TOP_LINES && NUMBERED_HEADING.test(line) && isTitle(line) ? line : undefined;
}

function plainTitle(line: string, place: number): string | undefined {
  return place === 0 && isTitle(line) ? line : undefined;
}

/** Is this a short line that is no sentence? */
export function isTitle(line: string): boolean {
  return line.length > 1 && line.length <= LONGEST_TITLE && /\p{L}/u.test(line) && !SENTENCE_END.test(line);
}

/** A running head repeats the title on every page of its chapter. */
function withoutRepeats(chapters: readonly ChapterStart[]): ChapterStart[] {
  const first = new Map<string, ChapterStart>();
  for (const chapter of chapters) if (!first.has(chapter.title)) first.set(chapter.title, chapter);
  return [...first.values()];
}

function cutIntoParts(pageCount: number, documentTitle: string): ChapterStart[] {
  const length = Math.max(PAGES_PER_PART, Math.ceil(pageCount / MOST_CHAPTERS));
  if (pageCount <= length) return [{ title: documentTitle, first_page: 1 }];
  return Array.from({ length: Math.ceil(pageCount / length) }, (_, part) => {
    const first = part * length + 1;
    return { title: `Pages ${first}–${Math.min(pageCount, first + length - 1)}`, first_page: first };
  });
}
