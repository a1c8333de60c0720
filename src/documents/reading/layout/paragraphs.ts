import type { Block } from './columns.js';
import type { Segment } from './rows.js';

/** Between paragraphs there is so much more room than between lines. */
const WIDER_LEADING = 1.35;
/** Lines of a paragraph are hardly ever further apart, in sizes of the type. */
const WIDEST_LEADING = 1.7;
const OTHER_SIZE = 0.12;
const ENDS_OPEN = /[^\s.!?:;。！？：；…"”’)」』）]$/u;
const GOES_ON = /^[\p{Ll}\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/u;
const LIST_ITEM = /^(?:[•‣◦▪–—*·-]|\(?\p{Nd}{1,3}[.)、])/u;

/** The text of the blocks: a line each line, a blank line between paragraphs. */
export function toParagraphs(blocks: readonly Block[]): string {
  let text = '';
  for (const block of blocks) {
    const piece = joinLines(block);
    if (text !== '') text += ENDS_OPEN.test(text) && GOES_ON.test(piece) ? '\n' : '\n\n';
    text += piece;
  }
  return text;
}

function joinLines(lines: Block): string {
  const leading = leadingOf(lines);
  const left = quartileOf(lines.map(({ x }) => x));
  let text = '';
  lines.forEach((line, index) => {
    const [before, after] = [lines[index - 1], lines[index + 1]];
    if (before) text += isApart(before, line, leading) || isIndented(before, line, after, left) ? '\n\n' : '\n';
    text += line.text;
  });
  return text;
}

function isApart(before: Segment, line: Segment, leading: number): boolean {
  const size = Math.max(before.size, line.size);
  return Math.abs(before.size - line.size) > OTHER_SIZE * size || before.y - line.y > WIDER_LEADING * leading * size;
}

/** The first line of a paragraph stands further in than the one before and the one after it. */
function isIndented(before: Segment, line: Segment, after: Segment | undefined, left: number): boolean {
  const isFlush = ({ x, size }: Segment): boolean => x <= left + size / 2;
  return !isFlush(line) && line.x > left + line.size && isFlush(before) && (!after || isFlush(after)) && !LIST_ITEM.test(before.text);
}

/** From line to line, in sizes of the type. */
function leadingOf(lines: Block): number {
  const steps = lines.slice(1).map((line, index) => ((lines[index]?.y ?? 0) - line.y) / (line.size || 1));
  return steps.length === 0 ? WIDEST_LEADING : Math.min(quartileOf(steps), WIDEST_LEADING);
}

function quartileOf(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 2] ?? 0;
}
