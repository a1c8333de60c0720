import { CancelledError, HangupError, type AnyTaskEvent, type HangupClient } from '../../client/index.js';
import { FewAtOnce } from './few-at-once.js';
import { chooseStreams } from './stream-choice.js';
import type { Release, StreamSlots } from './stream-slots.js';
import { changeBy, merge, newest, type WatchedTask } from './watched-task.js';
import { isLive, type Task } from './wire.js';

const LIVE_EVERY_MS = 2000;
const QUIET_EVERY_MS = 5000;
/** So many tasks are watched, and what lives besides: a page that is left open for days does not grow. */
export const MOST_WATCHED = 50;

export interface Watching {
  readonly hangup: HangupClient;
  readonly slots: StreamSlots;
  /** The tasks to watch, as they are now, newest first. */
  readonly look: (signal: AbortSignal) => Promise<readonly Task[]>;
  readonly changed: () => void;
  readonly heard?: (id: string, event: AnyTaskEvent) => void;
  readonly failed: (error: unknown) => void;
  readonly reached: () => void;
}

/**
 * Keeps an eye on tasks: a few of the live ones by their streams, which tell at once; the others, and new ones, by asking again. Rests
 * while nobody looks at the page.
 */
export class TaskWatch {
  readonly #watching: Watching;
  readonly #over = new AbortController();
  readonly #streams = new Map<string, AbortController>();
  /** Whose stream broke off for good: they are asked about instead. */
  readonly #deaf = new Set<string>();
  readonly #refreshing = new FewAtOnce((id) => this.#refresh(id));
  #most = MOST_WATCHED;
  #tasks: readonly WatchedTask[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #isLooking = false;
  isReady = false;

  constructor(watching: Watching) {
    this.#watching = watching;
    document.addEventListener('visibilitychange', () => this.#wakeOrRest(), { signal: this.#over.signal });
    void this.look();
  }

  get tasks(): readonly WatchedTask[] {
    return this.#tasks;
  }

  stop(): void {
    this.#over.abort();
    clearTimeout(this.#timer);
    this.#rest();
  }

  /** Looks now, and then again and again. */
  async look(): Promise<void> {
    if (this.#isLooking || this.#over.signal.aborted) return;
    this.#isLooking = true;
    clearTimeout(this.#timer);
    try {
      this.#merge(await this.#watching.look(this.#over.signal));
      this.isReady = true;
      this.#watching.reached();
      this.#watching.changed();
    } catch (error) {
      if (!(error instanceof CancelledError)) this.#watching.failed(error);
    } finally {
      this.#isLooking = false;
      this.#lookLater();
    }
  }

  /** Older tasks, which are not looked for again. Whoever wants to see them keeps them. */
  extend(older: readonly Task[]): void {
    this.#most = Infinity;
    this.#tasks = merge(this.#tasks, older);
    this.#watching.changed();
  }

  /** What is known of a task better than by asking: told at once, and until the next look. */
  update(id: string, change: Partial<WatchedTask>): void {
    this.#tasks = this.#tasks.map((task) => (task.id === id ? { ...task, ...change } : task));
    this.#watching.changed();
  }

  #lookLater(): void {
    if (this.#over.signal.aborted || document.hidden) return;
    this.#tune();
    this.#timer = setTimeout(() => void this.look(), this.#tasks.some(isLive) ? LIVE_EVERY_MS : QUIET_EVERY_MS);
  }

  /** Those that are not found any more are asked about, each by itself: they may have ended. */
  #merge(found: readonly Task[]): void {
    const ids = new Set(found.map(({ id }) => id));
    for (const task of this.#tasks) if (isLive(task) && !ids.has(task.id)) this.#refreshing.add(task.id);
    this.#tasks = newest(merge(this.#tasks, found), this.#most);
  }

  #wakeOrRest(): void {
    clearTimeout(this.#timer);
    if (document.hidden) this.#rest();
    else void this.look();
  }

  #rest(): void {
    this.#refreshing.clear();
    for (const stream of this.#streams.values()) stream.abort();
    this.#streams.clear();
  }

  #tune(): void {
    if (this.#over.signal.aborted || document.hidden) return;
    const chosen = chooseStreams(this.#tasks, new Set(this.#streams.keys()), this.#deaf);
    for (const id of chosen) if (!this.#streams.has(id)) void this.#listen(id);
  }

  async #listen(id: string): Promise<void> {
    const stream = new AbortController();
    this.#streams.set(id, stream);
    let release: Release | undefined;
    try {
      release = await this.#watching.slots.take();
      if (!release || stream.signal.aborted) return;
      // Nothing is attached: who only looks on stops nothing by leaving.
      for await (const event of this.#watching.hangup.tasks.events(id, { signal: stream.signal })) this.#hear(id, event);
      await this.#refresh(id);
    } catch (error) {
      if (!(error instanceof CancelledError)) this.#deaf.add(id);
    } finally {
      release?.();
      if (this.#streams.get(id) === stream) this.#streams.delete(id);
      if (release) this.#tune();
    }
  }

  #hear(id: string, event: AnyTaskEvent): void {
    const task = this.#tasks.find((each) => each.id === id);
    if (task) this.update(id, changeBy(event, task));
    this.#watching.heard?.(id, event);
  }

  async #refresh(id: string): Promise<void> {
    try {
      const found = await this.#watching.hangup.tasks.get(id, { signal: this.#over.signal });
      // It was asked before what may have become known meanwhile; and what is not watched any more stays so.
      if (this.#tasks.some((task) => task.id === id)) this.#tasks = merge(this.#tasks, [found]);
    } catch (error) {
      if (error instanceof HangupError && error.status === 404) this.#tasks = this.#tasks.filter((task) => task.id !== id);
    }
    this.#watching.changed();
  }
}
