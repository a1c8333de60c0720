import type { Row, Segment } from './rows.js';

/** Lines that are read one after the other, without a jump. */
export type Block = readonly Segment[];

/** What lies between two rows that reach across the gutter. */
interface Zone {
  readonly rows: Row[];
  readonly isColumns: boolean;
}

interface Gutter {
  /** Where the right column begins. */
  readonly x: number;
  readonly size: number;
}

/** In sizes of the type. */
const NARROWEST_GUTTER = 0.7;
const NARROWEST_COLUMN = 4;
const FEWEST_LINES = 3;
/** The line of a column is longer than the cell of a table, in widths of a Latin letter. A Chinese character is two. */
const SHORTEST_COLUMN_LINE = 12;
const MOST_CANDIDATES = 12;
const MOST_SPLITS = 4;
const WIDE = /[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uff60]/g;

/** The blocks of a page in the order in which they are read: column after column, and between them what reaches across. */
export function toBlocks(rows: readonly Row[], splits = MOST_SPLITS): Block[] {
  const gutter = splits > 0 ? findGutter(rows) : undefined;
  if (!gutter) return rows.length > 0 ? [rows.map(joinSegments)] : [];
  return mergePlain(toZones(rows, gutter)).flatMap((zone) => {
    if (!zone.isColumns) return toBlocks(zone.rows, 0);
    return [
      ...toBlocks(
        side(zone.rows, (segment) => isLeft(segment, gutter)),
        splits - 1,
      ),
      ...toBlocks(
        side(zone.rows, (segment) => !isLeft(segment, gutter)),
        splits - 1,
      ),
    ];
  });
}

/** The place where most lines of a right column begin, if there is one. */
function findGutter(rows: readonly Row[]): Gutter | undefined {
  const candidates = findCandidates(rows.flat());
  const counted = candidates.map((gutter) => ({ gutter, lines: countColumnLines(rows, gutter) }));
  const best = counted.reduce<(typeof counted)[number] | undefined>((a, b) => (a && a.lines >= b.lines ? a : b), undefined);
  return best && best.lines > 0 ? best.gutter : undefined;
}

/** Where several lines begin one below the other, the most frequent first. */
function findCandidates(segments: readonly Segment[]): Gutter[] {
  const size = medianOf(segments.map((segment) => segment.size));
  const starts = segments.map(({ x }) => x).sort((a, b) => a - b);
  const clusters: number[][] = [];
  for (const x of starts) {
    const cluster = clusters.at(-1);
    if (cluster && x - (cluster.at(-1) ?? x) <= size / 2) cluster.push(x);
    else clusters.push([x]);
  }
  const first = starts[0] ?? 0;
  return clusters
    .map(([x = 0, ...others]) => ({ x, size, count: others.length + 1 }))
    .filter(({ x, count }) => count >= FEWEST_LINES && x > first + NARROWEST_COLUMN * size)
    .sort((a, b) => b.count - a.count)
    .slice(0, MOST_CANDIDATES);
}

function countColumnLines(rows: readonly Row[], gutter: Gutter): number {
  return toZones(rows, gutter).reduce((sum, { rows: inside, isColumns }) => sum + (isColumns ? inside.flat().length : 0), 0);
}

function toZones(rows: readonly Row[], gutter: Gutter): Zone[] {
  const zones: { readonly rows: Row[]; readonly isCrossing: boolean }[] = [];
  for (const row of rows) {
    const isCrossing = row.some((segment) => !isLeft(segment, gutter) && !isRight(segment, gutter));
    const zone = zones.at(-1);
    if (zone?.isCrossing === isCrossing) zone.rows.push(row);
    else zones.push({ rows: [row], isCrossing });
  }
  return zones.map(({ rows: inside, isCrossing }) => ({ rows: inside, isColumns: !isCrossing && areColumns(inside, gutter) }));
}

/** Prose on both sides, side by side. */
function areColumns(rows: readonly Row[], gutter: Gutter): boolean {
  const left = rows.flat().filter((segment) => isLeft(segment, gutter));
  const right = rows.flat().filter((segment) => isRight(segment, gutter));
  const overlap = Math.min(top(left), top(right)) - Math.max(bottom(left), bottom(right));
  const shorter = Math.min(top(left) - bottom(left), top(right) - bottom(right));
  return [left, right].every(isProse) && overlap >= shorter / 2;
}

function isProse(segments: readonly Segment[]): boolean {
  return segments.length >= FEWEST_LINES && medianOf(segments.map(({ text }) => widthOf(text))) >= SHORTEST_COLUMN_LINE;
}

/** Zones that turned out to be no columns are read together with the rows around them. */
function mergePlain(zones: readonly Zone[]): Zone[] {
  const merged: Zone[] = [];
  for (const zone of zones) {
    const last = merged.at(-1);
    const isOneWithLast = last !== undefined && !last.isColumns && !zone.isColumns;
    if (isOneWithLast) merged.splice(-1, 1, { rows: last.rows.concat(zone.rows), isColumns: false });
    else merged.push(zone);
  }
  return merged;
}

function side(rows: readonly Row[], isOn: (segment: Segment) => boolean): Row[] {
  return rows.map((row) => row.filter(isOn)).filter((row) => row.length > 0);
}

function isLeft({ end }: Segment, { x, size }: Gutter): boolean {
  return end <= x - NARROWEST_GUTTER * size;
}

function isRight({ x: start }: Segment, { x }: Gutter): boolean {
  return start >= x;
}

function joinSegments(row: Row): Segment {
  const main = row.reduce((a, b) => (b.text.length > a.text.length ? b : a));
  const [first = main, last = main] = [row.at(0), row.at(-1)];
  return { x: first.x, end: last.end, y: main.y, size: main.size, text: row.map(({ text }) => text).join(' ') };
}

function top(segments: readonly Segment[]): number {
  return segments[0]?.y ?? 0;
}

function bottom(segments: readonly Segment[]): number {
  return segments.at(-1)?.y ?? 0;
}

function widthOf(text: string): number {
  return text.length + (text.match(WIDE)?.length ?? 0);
}

function medianOf(numbers: readonly number[]): number {
  return [...numbers].sort((a, b) => a - b)[numbers.length >> 1] ?? 0;
}
