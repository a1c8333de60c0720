import type { TaskKey } from '../task.js';
import type { LoggedEvent } from './event-log.js';

interface Entry extends LoggedEvent {
  readonly addedAt: number;
  settled?: PromiseWithResolvers<undefined>;
}

/** What waits to be written, in the order in which it was told; those at its head may be under way. */
export class EventQueue {
  readonly #entries: Entry[] = [];
  /** The last of each task that waits. */
  readonly #last = new Map<string, Entry>();
  #taken = 0;

  get length(): number {
    return this.#entries.length;
  }

  add(logged: LoggedEvent, addedAt: number): void {
    const entry = { ...logged, addedAt };
    this.#entries.push(entry);
    this.#last.set(keyOf(logged.task), entry);
  }

  /** Those at the head, so many and so long at the most, but one at the least. They stay until `settle`, or wait again after `putBack`. */
  take(most: number, longest: number): readonly LoggedEvent[] {
    let length = 0;
    const end = this.#entries.findIndex(({ event }, index) => index === most || ((length += event.data.length) > longest && index > 0));
    this.#taken = end < 0 ? this.#entries.length : end;
    return this.#entries.slice(0, this.#taken);
  }

  putBack(): void {
    this.#taken = 0;
  }

  settle(): void {
    this.#remove(0, this.#taken);
    this.#taken = 0;
  }

  /** Removes the oldest that are not under way. Returns how many. */
  drop(most: number): number {
    return this.#remove(this.#taken, Math.min(most, this.#entries.length - this.#taken));
  }

  /** Removes what was added at that time or before; nothing must be under way. Returns how many. */
  dropUntil(time: number): number {
    const first = this.#entries.findIndex(({ addedAt }) => addedAt > time);
    return this.drop(first < 0 ? this.#entries.length : first);
  }

  /** Removes all. Returns how many. */
  clear(): number {
    this.#taken = 0;
    return this.drop(this.#entries.length);
  }

  /** Resolves when what waits of that task now has been removed. */
  async settled(task: TaskKey): Promise<void> {
    const last = this.#last.get(keyOf(task));
    if (last) await (last.settled ??= Promise.withResolvers<undefined>()).promise;
  }

  #remove(from: number, count: number): number {
    for (const entry of this.#entries.splice(from, count)) {
      const key = keyOf(entry.task);
      if (this.#last.get(key) === entry) this.#last.delete(key);
      entry.settled?.resolve(undefined);
    }
    return count;
  }
}

/** An id is a UUID and has no blank. */
export function keyOf({ owner, id }: TaskKey): string {
  return `${id} ${owner}`;
}
