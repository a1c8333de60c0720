import type { TextRun } from './text-run.js';

/** A piece of a line without a wide gap in it. */
export interface Segment {
  readonly x: number;
  readonly end: number;
  readonly y: number;
  readonly size: number;
  readonly text: string;
}

/** What stands at one height of a page, from left to right. */
export type Row = readonly Segment[];

/** In sizes of the type: what still stands in the same row, such as a superscript. */
const SAME_ROW = 0.45;
/** From this gap on it may be another column. */
const WIDE_GAP = 1.1;
/** From this gap on it is another word. */
const WORD_GAP = 0.15;
/** Text that is drawn twice so close together is bold. */
const DRAWN_TWICE = 0.25;

/** The rows of a page from the top down. */
export function toRows(runs: readonly TextRun[]): Row[] {
  const rows: { y: number; size: number; readonly runs: TextRun[] }[] = [];
  for (const run of [...runs].sort((a, b) => b.y - a.y)) {
    const row = rows.at(-1);
    if (!row || row.y - run.y > SAME_ROW * Math.max(row.size, run.size)) {
      rows.push({ y: run.y, size: run.size, runs: [run] });
      continue;
    }
    row.runs.push(run);
    if (run.size > row.size) Object.assign(row, { y: run.y, size: run.size });
  }
  return rows.map((row) => toSegments(row.runs)).filter((row) => row.length > 0);
}

function toSegments(runs: readonly TextRun[]): Segment[] {
  const segments: TextRun[][] = [];
  let end = -Infinity;
  for (const run of [...runs].sort((a, b) => a.x - b.x)) {
    const isSpace = run.text.trim() === '';
    const isFar = run.x - end > WIDE_GAP * run.size;
    if (!isSpace && (isFar || segments.length === 0)) segments.push([run]);
    else segments.at(-1)?.push(run);
    if (!isSpace) end = Math.max(end, run.x + run.length);
  }
  return segments.map(toSegment);
}

function toSegment(runs: readonly TextRun[]): Segment {
  const main = runs.reduce((a, b) => (b.text.length * b.size > a.text.length * a.size ? b : a));
  const end = runs.reduce((furthest, run) => (run.text.trim() === '' ? furthest : Math.max(furthest, run.x + run.length)), -Infinity);
  return { x: runs[0]?.x ?? 0, end, y: main.y, size: main.size, text: joinRuns(runs) };
}

function joinRuns(runs: readonly TextRun[]): string {
  let text = '';
  let last: TextRun | undefined;
  for (const run of runs) {
    if (run.text === last?.text && run.x - last.x < DRAWN_TWICE * run.size) continue;
    const isApart = last !== undefined && run.x - (last.x + last.length) > WORD_GAP * run.size;
    text += isApart && !/\s$/.test(last?.text ?? '') && !/^\s/.test(run.text) ? ` ${run.text}` : run.text;
    last = run;
  }
  return text.replace(/\s+/g, ' ').trim();
}
