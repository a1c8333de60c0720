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

const EVENT_ID = /^(\d{1,9})-(\d{1,9})$/;

export function toEventId({ attempt, sequence }: EventPosition): string {
  return `${attempt}-${sequence}`;
}

/** `undefined` for what is no id of an event. */
export function parseEventId(text: string): EventPosition | undefined {
  const [, attempt, sequence] = EVENT_ID.exec(text) ?? [];
  return attempt === undefined ? undefined : { attempt: Number(attempt), sequence: Number(sequence) };
}

/** Comes `event` later than `position`? Everything does where there is none. */
export function isAfter(event: EventPosition, position: EventPosition | undefined): boolean {
  if (!position) return true;
  return event.attempt > position.attempt || (event.attempt === position.attempt && event.sequence > position.sequence);
}

/** Is nothing missing between the two? */
export function isNext({ attempt, sequence }: EventPosition, position: EventPosition | undefined): boolean {
  return sequence === (position?.attempt === attempt ? position.sequence + 1 : 1);
}

/** The place of a task's end: after all that its last attempt can have told. */
export function endOf(attempt: number): EventPosition {
  return { attempt: attempt + 1, sequence: 0 };
}
