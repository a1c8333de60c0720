/** How many lines from the top, and from the bottom, may be running headers and footers. */
const EDGE = 2;
const FEWEST_PAGES = 3;
const MOST_OF = 0.5;
/** Chapters have headers of their own, and left pages others than right ones: that many kinds may share the pages. */
const KINDS = 2;
const ROMAN = /^[ivxlcdm]+$/i;
const NUMBER = /\p{Nd}+/gu;

export interface Page {
  readonly number: number;
  readonly lines: readonly string[];
}

/**
 * The pages without the headers, footers and page numbers that repeat on most of them. A number in such a line may count the pages. A
 * page that has nothing else keeps what has words.
 */
export function dropRunningLines(pages: readonly Page[]): Page[] {
  const counts = countKeys(pages);
  const written = pages.filter(({ lines }) => lines.some(isWritten)).length;
  const isFrequent = (key: string): boolean => (counts.get(key) ?? 0) >= Math.max(FEWEST_PAGES, (written * MOST_OF) / KINDS);
  return pages.map((page) => {
    const edges = new Set(edgesOf(page.lines).filter((index) => keysOf(page.lines[index] ?? '', page.number).some(isFrequent)));
    const hasMore = page.lines.some((line, index) => isWritten(line) && !edges.has(index));
    const lines = page.lines.filter((line, index) => !edges.has(index) || (!hasMore && /\p{L}/u.test(line)));
    return { number: page.number, lines };
  });
}

function countKeys(pages: readonly Page[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { number, lines } of pages) {
    const keys = new Set(edgesOf(lines).flatMap((index) => keysOf(lines[index] ?? '', number)));
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** The places of the first and the last lines that have something on them. */
function edgesOf(lines: readonly string[]): number[] {
  const written = lines.flatMap((line, index) => (isWritten(line) ? [index] : []));
  return [...written.slice(0, EDGE), ...written.slice(EDGE).slice(-EDGE)];
}

/** What is the same of a line on all pages: the line itself, or the line and how far one of its numbers is from the page's. */
function keysOf(line: string, page: number): string[] {
  const text = line.trim().toLowerCase();
  if (ROMAN.test(text)) return ['roman'];
  const counted = [...text.matchAll(NUMBER)].map(({ 0: digits, index }) => {
    const around = [text.slice(0, index), text.slice(index + digits.length)];
    return `${around.join('#')} ${Number(digits) - page}`;
  });
  return [text, ...counted];
}

function isWritten(line: string): boolean {
  return line.trim() !== '';
}
