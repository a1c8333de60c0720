/** How TCP asks an idle peer whether it is still there. */
export interface KeepAlive {
  /** After so much silence the first time. */
  readonly initialDelayMs: number;
  readonly intervalMs: number;
  /** So many questions without an answer end the connection. */
  readonly count: number;
  /** From the last sign of life to that end. */
  readonly totalMs: number;
}

/** The kernel's unit. */
const SECOND_MS = 1000;
/** Of the time there is, so that the end does not come with its very last moment. */
const MARGIN = 0.9;

/**
 * Questions that end the connection of a peer which has vanished within so many milliseconds, if they are two seconds at least: the
 * first after a third of the time, and then as many as fit, a ninth apart.
 */
export function keepAliveWithin(ms: number): KeepAlive {
  const initialDelayMs = wholeSeconds(ms / 3);
  const intervalMs = wholeSeconds(ms / 9);
  const count = Math.max(1, Math.floor((ms * MARGIN - initialDelayMs) / intervalMs));
  return { initialDelayMs, intervalMs, count, totalMs: initialDelayMs + count * intervalMs };
}

/** Rounded down, as Node does, but one at least: none would leave the system's own, which is two hours. */
function wholeSeconds(ms: number): number {
  return Math.max(1, Math.floor(ms / SECOND_MS)) * SECOND_MS;
}
