import type { Tx } from '../database/index.js';
import type { Claim } from './task.js';

/** A task that waits for somebody to begin it. `attempt` is the last one that was made: 0 where there was none. */
export interface QueuedTask extends Claim {
  readonly kind: string;
}

/**
 * Brings queued tasks to whoever is free, on any instance. What makes a task queued calls `deliver` in the same transaction: so there is
 * no queued task that nobody will ever come to.
 */
export abstract class TaskQueue {
  /** The kinds of task that are worked on here. Others are delivered by instances that know them. */
  abstract get kinds(): readonly string[];

  /** Throws where a task's kind is not known here. */
  abstract deliver(tx: Tx, tasks: readonly QueuedTask[]): Promise<void>;
}
