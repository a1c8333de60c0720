import { CancelledError, HangupError, type AnyTaskEvent, type HangupClient } from '../../client/index.js';
import { chooseStreams } from './stream-choice.js';
import type { StreamSlots } from './stream-slots.js';
import { isLive, type Task } from './wire.js';

const LIVE_EVERY_MS = 2000;
const QUIET_EVERY_MS = 5000;

/** A task that is watched, with what its stream has told besides. */
export interface WatchedTask extends Task {
  /** Questions that a quiz has so far. */
  readonly questions?: number;
}

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

  get streams(): number {
    return this.#streams.size;
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

  /** Older tasks, which are not looked for again. */
  extend(older: readonly Task[]): void {
    const known = new Set(this.#tasks.map(({ id }) => id));
    this.#merge([...this.#tasks, ...older.filter(({ id }) => !known.has(id))]);
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

  /** An answer may be older than what a stream has told meanwhile: an end is not taken back. */
  #merge(found: readonly Task[]): void {
    const known = new Map(this.#tasks.map((task) => [task.id, task]));
    const listed = found.map((task): WatchedTask => {
      const before = known.get(task.id);
      known.delete(task.id);
      if (before && isStale(task, before)) return before;
      return { ...task, ...(before?.questions !== undefined && { questions: before.questions }) };
    });
    // What has ended while it was looked at stays, also where only live tasks were asked for.
    const gone = [...known.values()];
    this.#tasks = [...listed, ...gone].toSorted((a, b) => b.created_at.localeCompare(a.created_at));
    for (const { id, state } of gone) if (isLive({ state })) void this.#refresh(id);
  }

  #wakeOrRest(): void {
    clearTimeout(this.#timer);
    if (document.hidden) this.#rest();
    else void this.look();
  }

  #rest(): void {
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
    const release = await this.#watching.slots.take();
    try {
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
      this.update(id, await this.#watching.hangup.tasks.get(id, { signal: this.#over.signal }));
    } catch (error) {
      if (error instanceof HangupError && error.status === 404) this.#tasks = this.#tasks.filter((task) => task.id !== id);
    }
  }
}

/** What an event changes about a task. A stream begins with the task's beginning, also when it is made again. */
function changeBy(event: AnyTaskEvent, { state, questions = 0 }: WatchedTask): Partial<WatchedTask> {
  const { type, data } = event as { type: string; data: unknown };
  if (type === 'task-start') return { questions: undefined, ...(state === 'queued' && { state: 'running' }) };
  if (type === 'stage-start') return data as { stage: string };
  if (type === 'progress') return { progress: data as Task['progress'] };
  if (type === 'question') return { questions: questions + 1 };
  if (type === 'evaluation') return { questions: questions - (data as { rejected: unknown[] }).rejected.length };
  return {};
}

/** Is what was found older than what is known? An end is never taken back, nor that a task was told to stop. */
function isStale(found: Task, known: Task): boolean {
  if (!isLive(known)) return isLive(found);
  return known.state === 'cancelling' && found.state === 'running';
}
