import { html, nothing, type TemplateResult } from 'lit-html';
import { Cancelling } from './cancelling.js';
import { shortId } from './format.js';
import { hrefOf, type TaskFilter, type TasksRoute } from './route.js';
import type { StreamSlots } from './stream-slots.js';
import { MOST_WATCHED, TaskWatch } from './task-watch.js';
import { drawFilter } from './tasks-filter.js';
import { drawTable } from './tasks-table.js';
import type { Surroundings, View } from './view.js';
import { isLive, type Task, type TaskState } from './wire.js';

const STATES: Readonly<Record<TaskFilter, readonly TaskState[] | undefined>> = {
  all: undefined,
  live: ['queued', 'running', 'cancelling'],
  completed: ['completed'],
  cancelled: ['cancelled'],
  failed: ['failed'],
};
const SECOND_MS = 1000;

/** What runs, and what has run: newest first, and stopped from here. */
export class TasksView implements View {
  readonly title = 'Tasks';
  readonly #around: Surroundings;
  readonly #route: TasksRoute;
  readonly #watch: TaskWatch;
  readonly #cancelling: Cancelling;
  /** Elapsed times go on by themselves. */
  readonly #clock: ReturnType<typeof setInterval>;
  /** Where the tasks begin that are older than those that are shown. */
  #cursor: string | undefined;
  #hasOlder = false;

  constructor(around: Surroundings, slots: StreamSlots, route: TasksRoute) {
    this.#around = around;
    this.#route = route;
    this.#watch = new TaskWatch({
      hangup: around.hangup,
      slots,
      look: (signal) => this.#look(signal),
      changed: () => around.redraw(),
      failed: (error) => around.fail(error),
      reached: () => around.reached(),
    });
    this.#cancelling = new Cancelling(around, this.#watch);
    this.#clock = setInterval(() => this.#tick(), SECOND_MS);
  }

  leave(): void {
    clearInterval(this.#clock);
    this.#watch.stop();
  }

  draw(): TemplateResult {
    const live = this.#watch.tasks.filter(isLive).length;
    return html`
      <header class="heading">
        <h1 tabindex="-1">Tasks</h1>
        <p class="quiet">${live === 0 ? 'Nothing runs at present.' : html`<strong>${live}</strong> live`}</p>
        <div class="actions">
          ${this.#route.scope === undefined ? nothing : this.#drawCancelScope(this.#route.scope)}
          <button class="danger" type="button" ?disabled=${live === 0} @click=${() => this.#cancelling.all()}>Cancel all…</button>
        </div>
      </header>
      ${drawFilter(this.#route, (route) => this.#around.go(route))} ${this.#drawTasks()}
    `;
  }

  #drawCancelScope(scope: string): TemplateResult {
    return html`<button class="danger" type="button" @click=${() => this.#cancelling.scope(scope)}>
      Cancel scope <code>${scope}</code>…
    </button>`;
  }

  #drawTasks(): TemplateResult {
    const { tasks, isReady } = this.#watch;
    if (!isReady) return html`<p class="quiet">Looking…</p>`;
    if (tasks.length === 0) return drawNothing(this.#route);
    const act = { cancel: (task: Task) => void this.#cancelling.one(task), resume: (task: Task) => void this.#resume(task) };
    return html`
      ${drawTable({ tasks, route: this.#route, ...act })}
      ${this.#cursor === undefined ? nothing : html`<button class="older" type="button" @click=${() => this.#showOlder()}>Show older</button>`}
    `;
  }

  #tick(): void {
    if (this.#watch.tasks.some(isLive)) this.#around.redraw();
  }

  async #look(signal: AbortSignal): Promise<readonly Task[]> {
    const { tasks, next_cursor } = await this.#page({ signal });
    if (!this.#hasOlder) this.#cursor = next_cursor;
    return tasks;
  }

  async #showOlder(): Promise<void> {
    this.#hasOlder = true;
    try {
      const { tasks, next_cursor } = await this.#page({ cursor: this.#cursor });
      this.#cursor = next_cursor;
      this.#watch.extend(tasks);
    } catch (error) {
      this.#around.fail(error);
    }
  }

  #page(options: { readonly signal?: AbortSignal; readonly cursor?: string }) {
    const { state, kind, scope } = this.#route;
    return this.#around.hangup.tasks.list({ state: STATES[state], kind, scope, limit: MOST_WATCHED, ...options });
  }

  async #resume({ id }: Task): Promise<void> {
    try {
      const { task_id } = await this.#around.hangup.tasks.resume(id);
      this.#around.announce(`It goes on as task ${shortId(task_id)}.`);
      await this.#watch.look();
    } catch (error) {
      this.#around.fail(error);
    }
  }
}

function drawNothing(route: TasksRoute): TemplateResult {
  const all = hrefOf({ name: 'tasks', state: 'all' });
  return html`
    <div class="nothing">
      ${
        hrefOf(route) === all
          ? html`<p>Nothing has been asked yet. <a href=${hrefOf({ name: 'quiz' })}>Generate a quiz</a>, and it is here.</p>`
          : html`<p>No task is like that. <a href=${all}>Show all</a></p>`
      }
    </div>
  `;
}
