import type { HangupClient } from '../../client/index.js';
import type { TaskFilter, TasksRoute } from './route.js';
import type { Task, TaskState } from './wire.js';

const STATES: Readonly<Record<TaskFilter, readonly TaskState[] | undefined>> = {
  all: undefined,
  live: ['queued', 'running', 'cancelling'],
  completed: ['completed'],
  cancelled: ['cancelled'],
  failed: ['failed'],
};
/** As many as the server tells at once. */
const MOST_LIVE = 100;

/** The tasks that the address asks for: the newest of them, with all that runs, and older ones when they are wanted. */
export class TaskPages {
  /** Where the tasks begin that are older than those that are shown. */
  #cursor: string | undefined;
  #hasOlder = false;

  constructor(
    private readonly hangup: HangupClient,
    private readonly route: TasksRoute,
    private readonly size: number,
  ) {}

  get hasMore(): boolean {
    return this.#cursor !== undefined;
  }

  /** One request, and one more for what runs where it may be older than all that is on the first page. */
  async newest(signal: AbortSignal): Promise<readonly Task[]> {
    const { tasks, next_cursor } = await this.#page({ signal });
    if (!this.#hasOlder) this.#cursor = next_cursor;
    return next_cursor === undefined ? tasks : [...tasks, ...(await this.#live(signal))];
  }

  async older(): Promise<readonly Task[]> {
    this.#hasOlder = true;
    const { tasks, next_cursor } = await this.#page({ cursor: this.#cursor });
    this.#cursor = next_cursor;
    return tasks;
  }

  #page(options: { readonly signal?: AbortSignal; readonly cursor?: string }) {
    const { state, kind, scope } = this.route;
    return this.hangup.tasks.list({ state: STATES[state], kind, scope, limit: this.size, ...options });
  }

  async #live(signal: AbortSignal): Promise<readonly Task[]> {
    const { state, kind, scope } = this.route;
    if (state !== 'all' && state !== 'live') return [];
    return (await this.hangup.tasks.list({ state: STATES.live, kind, scope, limit: MOST_LIVE, signal })).tasks;
  }
}
