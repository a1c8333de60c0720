import { cleanText } from './clean-text.js';
import { toBlocks } from './columns.js';
import { toParagraphs } from './paragraphs.js';
import { toRows } from './rows.js';
import { turnUpright, type TextRun } from './text-run.js';

/**
 * The text of a page in the order in which it is read, whatever the order in which it was drawn: column after column, a line each line,
 * a blank line between paragraphs. Empty where nothing was written.
 */
export function layOutPage(runs: readonly TextRun[]): string {
  const texts = turnUpright(runs).map((group) => toParagraphs(toBlocks(toRows(group))));
  return cleanText(texts.join('\n\n'));
}
