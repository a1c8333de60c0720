import { dropRunningLines } from './running-lines.js';
import { splitText, weigh } from './split-text.js';

export interface PageText {
  readonly number: number;
  readonly text: string;
}

/** A passage for retrieval, and the page on which it begins. */
export interface Chunk {
  readonly page: number;
  readonly text: string;
}

/** In Latin letters: 500 Chinese characters weigh as much as 1200 letters. */
const MOST = 1200;
const ENOUGH = 600;
const LONGEST_HEADING = 80;

const CJK = '[\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\u3001-\\u301f\\uff01-\\uff60]';
const LINE_END_IN_CJK = new RegExp(`(?<=${CJK})\\n(?=${CJK})`, 'gu');
const ENDS_SENTENCE = /[.!?:;,。！？：；，、…]["'”’)」』）]*$/u;
const ENDS_IN_MIDDLE = /[\p{L}\p{Nd},;、，；]$/u;
const BEGINS_IN_MIDDLE = /^[\p{Ll}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;

interface Paragraph extends Chunk {
  readonly isHeading: boolean;
}

/**
 * The pages as passages of 600 to 1200 Latin letters or 250 to 500 Chinese characters, cut between paragraphs, else between sentences,
 * else between words, and never within a character. A passage may go on into the next page. Headings stay with what follows them. Of the
 * text nothing is lost but white space and the headers, footers and page numbers that repeat on most pages.
 */
export function chunkText(pages: readonly PageText[]): Chunk[] {
  const kept = dropRunningLines(pages.map(({ number, text }) => ({ number, lines: text.split('\n') })));
  const paragraphs = joinAcrossPages(kept.flatMap(({ number, lines }) => toParagraphs(number, lines.join('\n'))));
  return pack(paragraphs.flatMap((paragraph) => splitText(paragraph.text, MOST).map((text) => ({ ...paragraph, text }))));
}

function toParagraphs(page: number, text: string): Paragraph[] {
  const blocks = text.split(/\n\s*\n/).map((block) => block.trim());
  return blocks.filter((block) => block !== '').map((block) => ({ page, text: joinLines(block), isHeading: isHeading(block) }));
}

function joinLines(block: string): string {
  return block.replace(LINE_END_IN_CJK, '').replace(/\s*\n\s*/g, ' ');
}

function isHeading(block: string): boolean {
  return block.length <= LONGEST_HEADING && !block.includes('\n') && !ENDS_SENTENCE.test(block);
}

/** A paragraph that the end of a page had cut in two is one again. */
function joinAcrossPages(paragraphs: readonly Paragraph[]): Paragraph[] {
  const groups: Paragraph[][] = [];
  for (const paragraph of paragraphs) {
    const open = groups.at(-1);
    const last = open?.at(-1);
    if (open && last && goesOn(last, paragraph)) open.push(paragraph);
    else groups.push([paragraph]);
  }
  // Once for each paragraph, however many pages it has: a book without one would else be gone over again with every page.
  return groups.flatMap((group) => {
    const [first] = group;
    return first ? [{ ...first, text: joinLines(group.map(({ text }) => text).join('\n')) }] : [];
  });
}

function goesOn(last: Paragraph, { page, text, isHeading: isNewHeading }: Paragraph): boolean {
  const isCut = page !== last.page && !last.isHeading && !isNewHeading;
  return isCut && ENDS_IN_MIDDLE.test(last.text) && BEGINS_IN_MIDDLE.test(text);
}

function pack(paragraphs: readonly Paragraph[]): Chunk[] {
  const passages: Paragraph[][] = [];
  for (const paragraph of paragraphs) {
    const open = passages.at(-1);
    if (!open || isFull(open, paragraph)) passages.push([...takeHeadings(open), paragraph]);
    else open.push(paragraph);
  }
  return passages.filter((passage) => passage.length > 0).map(toChunk);
}

/** A heading, and a new page, begin a new passage where the last has enough. */
function isFull(open: readonly Paragraph[], next: Paragraph): boolean {
  const weight = open.reduce((sum, { text }) => sum + weigh(text), 0);
  const isNewPage = open.at(-1)?.page !== next.page;
  const isTurn = (next.isHeading && open.at(-1)?.isHeading === false) || isNewPage;
  return weight + weigh(next.text) > MOST || (isTurn && weight >= ENOUGH / (isNewPage ? 2 : 1));
}

/** The headings at the end of a passage go over to the next, unless it consists of nothing else. */
function takeHeadings(open: Paragraph[] | undefined): Paragraph[] {
  const last = open?.findLastIndex(({ isHeading: is }) => !is) ?? -1;
  return last < 0 ? [] : (open?.splice(last + 1) ?? []);
}

function toChunk(paragraphs: readonly Paragraph[]): Chunk {
  return { page: paragraphs[0]?.page ?? 1, text: paragraphs.map(({ text }) => text).join('\n\n') };
}
