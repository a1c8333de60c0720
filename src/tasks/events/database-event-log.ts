import type { TaskKey } from '../task.js';
import { EventLog, type LoggedEvent } from './event-log.js';
import type { EventLimits } from './event-limits.js';
import { keyOf } from './event-queue.js';
import { SWEPT_AT_ONCE, type TaskEventsRepository } from './task-events.repository.js';
import { isAfter, type EventPosition, type TaskEvent } from './task-event.js';

/**
 * A row for each event. A task is trimmed whenever it has told another quarter of what is kept, and at the start of each further attempt:
 * until then there is a little more. Needs an ambient abort scope, as every statement does.
 */
export class DatabaseEventLog extends EventLog {
  readonly #events: TaskEventsRepository;
  readonly #limits: EventLimits;

  constructor(events: TaskEventsRepository, limits: EventLimits) {
    super();
    this.#events = events;
    this.#limits = limits;
  }

  async append(events: readonly LoggedEvent[]): Promise<void> {
    const told = inOrder(events);
    if (told.length === 0) return;
    await this.#events.insert(told);
    const grown = this.#grown(told);
    if (grown.length > 0) await this.#events.trim(grown, this.#limits.perTask);
  }

  async read(task: TaskKey, after: EventPosition | undefined, limit: number): Promise<TaskEvent[]> {
    return await this.#events.after(task, after, limit);
  }

  async sweep(): Promise<void> {
    while ((await this.#events.forget(this.#limits.ttlMs)) === SWEPT_AT_ONCE);
  }

  /** It has no connection of its own. */
  async close(): Promise<void> {
    await Promise.resolve();
  }

  /** The tasks that may have grown too long with these, without a look at each. */
  #grown(events: readonly LoggedEvent[]): TaskKey[] {
    const step = Math.max(1, Math.floor(this.#limits.perTask / 4));
    const grown = events.filter(({ event }) => event.sequence % step === 0 || (event.sequence === 1 && event.attempt > 1));
    return [...new Map(grown.map(({ task }) => [keyOf(task), task])).values()];
  }
}

/** Without those that come behind a later one of their task: to the statement that inserts them they would all be new. */
function inOrder(events: readonly LoggedEvent[]): LoggedEvent[] {
  const last = new Map<string, EventPosition>();
  return events.filter(({ task, event }) => {
    const before = last.get(keyOf(task));
    if (before && !isAfter(event, before)) return false;
    last.set(keyOf(task), event);
    return true;
  });
}
