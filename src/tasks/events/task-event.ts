/** Where in a task's own account an event stands: the attempt that told it, and its place there, from 1. On the wire `attempt-sequence`. */
export interface EventPosition {
  readonly attempt: number;
  readonly sequence: number;
}

/** One thing that a task tells of itself, as it goes out. */
export interface TaskEvent extends EventPosition {
  readonly type: string;
  /** JSON, byte for byte what every reader gets, on whichever instance. */
  readonly data: string;
}

export function isAfter(position: EventPosition, other: EventPosition): boolean {
  return position.attempt > other.attempt || (position.attempt === other.attempt && position.sequence > other.sequence);
}
