import type { TaskKey } from '../task.js';
import type { EventPosition, TaskEvent } from './task-event.js';

/** An event, and the task that told it. */
export interface LoggedEvent {
  readonly task: TaskKey;
  readonly event: TaskEvent;
}

/**
 * What tasks told, kept for a while for readers on every instance. Bounded for each task, and in time: what is trimmed leaves a hole in
 * the sequence, which readers see. A convenience: the truth about a task is its row.
 */
export abstract class EventLog {
  /**
   * Appends events of any number of tasks, those of each in their order. What it has already, and what a former attempt tells late, is
   * left out. Rejects where not all could be written; the same may then be given again.
   */
  abstract append(events: readonly LoggedEvent[]): Promise<void>;

  /** At most `limit` events after a position, in order; from the first that is kept where no position is given. */
  abstract read(task: TaskKey, after: EventPosition | undefined, limit: number): Promise<TaskEvent[]>;

  /** Forgets what has been kept long enough, where the store does not do so by itself. */
  abstract sweep(): Promise<void>;

  /** Resolves when no connection of its own is left. */
  abstract close(): Promise<void>;
}
