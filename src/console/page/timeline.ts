import type { Layer, Receipt } from './wire.js';

/** One layer of a stopped task, from the moment it was told to the one it stopped, as parts of the whole width. */
export interface TimelineRow {
  readonly layer: string;
  readonly operation: string;
  readonly toldMs: number;
  /** `null` for one that ignored its signal. */
  readonly stoppedMs: number | null;
  readonly from: number;
  readonly to: number;
}

export interface Timeline {
  readonly rows: readonly TimelineRow[];
  /** What the whole width is, from the owner's abort. */
  readonly endMs: number;
  readonly ticks: readonly number[];
}

const MOST_TICKS = 5;
/** So that there is a width where all stopped in no time. */
const SHORTEST_MS = 1;

/** The receipt as a drawing: time goes from the abort to the right, zombies run on to the edge. */
export function timelineOf({ layers }: Pick<Receipt, 'layers'>): Timeline {
  const lastMs = Math.max(SHORTEST_MS, ...layers.map(({ told_ms, stopped_ms }) => stopped_ms ?? told_ms));
  const stepMs = stepFor(lastMs);
  const endMs = Math.ceil(lastMs / stepMs) * stepMs;
  const ticks = Array.from({ length: Math.round(endMs / stepMs) + 1 }, (_, n) => n * stepMs);
  return { rows: layers.map((layer) => rowOf(layer, endMs)), endMs, ticks };
}

/** When the last layer had stopped; `null` where one has not, or there was none. */
export function stoppedAfterMs({ layers }: Pick<Receipt, 'layers'>): number | null {
  const times = layers.map(({ stopped_ms }) => stopped_ms);
  return times.length === 0 || times.includes(null) ? null : Math.max(...times.map((ms) => ms ?? 0));
}

function rowOf({ layer, operation, told_ms, stopped_ms }: Layer, endMs: number): TimelineRow {
  const to = stopped_ms === null ? 1 : stopped_ms / endMs;
  return { layer, operation, toldMs: told_ms, stoppedMs: stopped_ms, from: told_ms / endMs, to };
}

/** 1, 2 or 5 times a power of ten. */
function stepFor(lastMs: number): number {
  const rough = lastMs / MOST_TICKS;
  const power = 10 ** Math.floor(Math.log10(rough));
  return (([1, 2, 5] as const).find((step) => step * power >= rough) ?? 10) * power;
}
