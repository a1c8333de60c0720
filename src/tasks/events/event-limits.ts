/** How much is kept of what tasks tell, and for how long. */
export interface EventLimits {
  /** About so many events of each task, the latest ones. */
  readonly perTask: number;
  readonly ttlMs: number;
}
