import { html, nothing, type TemplateResult } from 'lit-html';
import { Cancelling } from './cancelling.js';
import { shortId } from './format.js';
import { hrefOf, type TasksRoute } from './route.js';
import type { StreamSlots } from './stream-slots.js';
import { TaskPages } from './task-pages.js';
import { MOST_WATCHED, TaskWatch } from './task-watch.js';
import { drawFilter } from './tasks-filter.js';
import { drawTable } from './tasks-table.js';
import type { Surroundings, View } from './view.js';
import { isLive, isStoppable, type Task } from './wire.js';

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
  readonly #pages: TaskPages;

  constructor(around: Surroundings, slots: StreamSlots, route: TasksRoute) {
    this.#around = around;
    this.#route = route;
    this.#pages = new TaskPages(around.hangup, route, MOST_WATCHED);
    this.#watch = new TaskWatch({
      hangup: around.hangup,
      slots,
      look: (signal) => this.#pages.newest(signal),
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
    const canStop = this.#watch.tasks.some(isStoppable);
    return html`
      <header class="heading">
        <h1 tabindex="-1">Tasks</h1>
        <p class="quiet">${live === 0 ? 'Nothing runs at present.' : html`<strong>${live}</strong> live`}</p>
        <div class="actions">
          ${this.#route.scope === undefined ? nothing : this.#drawCancelScope(this.#route.scope)}
          <button class="danger" type="button" ?disabled=${!canStop} @click=${() => this.#cancelAll()}>Cancel all…</button>
        </div>
      </header>
      ${drawFilter(this.#route, (route) => this.#around.go(route))} ${this.#drawTasks()}
    `;
  }

  #cancelAll(): void {
    const { kind, scope } = this.#route;
    void this.#cancelling.all({ kind, scope });
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
      ${this.#pages.hasMore ? html`<button class="older" type="button" @click=${() => this.#showOlder()}>Show older</button>` : nothing}
    `;
  }

  #tick(): void {
    if (this.#watch.tasks.some(isLive)) this.#around.redraw();
  }

  async #showOlder(): Promise<void> {
    try {
      this.#watch.extend(await this.#pages.older());
    } catch (error) {
      this.#around.fail(error);
    }
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
