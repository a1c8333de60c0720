import { html, nothing, type TemplateResult } from 'lit-html';
import { live } from 'lit-html/directives/live.js';
import { repeat } from 'lit-html/directives/repeat.js';
import { Cancelling } from './cancelling.js';
import { costOf, moment, shortId, words } from './format.js';
import { hrefOf, TASK_FILTERS, type Route, type TaskFilter } from './route.js';
import type { StreamSlots } from './stream-slots.js';
import { describeWhere, drawProgress, drawState, elapsedOf, tokensOf } from './task-parts.js';
import { TaskWatch, type WatchedTask } from './task-watch.js';
import type { Surroundings, View } from './view.js';
import { isLive, isResumable, isStoppable, type Task, type TaskState } from './wire.js';

type TasksRoute = Extract<Route, { name: 'tasks' }>;

const STATES: Readonly<Record<TaskFilter, readonly TaskState[] | undefined>> = {
  all: undefined,
  live: ['queued', 'running', 'cancelling'],
  completed: ['completed'],
  cancelled: ['cancelled'],
  failed: ['failed'],
};
const KINDS = ['quiz_generation', 'answer_validation', 'chat_reply', 'analysis', 'document_ingestion', 'document_reclassification'];
const SHOWN = 50;
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
    this.#cancelling = new Cancelling(around, () => this.#watch);
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
      ${this.#drawFilter()} ${this.#drawTable()}
    `;
  }

  async #look(signal: AbortSignal): Promise<readonly Task[]> {
    const { tasks, next_cursor } = await this.#around.hangup.tasks.list({ ...toQuery(this.#route), limit: SHOWN, signal });
    if (!this.#hasOlder) this.#cursor = next_cursor;
    return tasks;
  }

  async #showOlder(): Promise<void> {
    this.#hasOlder = true;
    try {
      const { tasks, next_cursor } = await this.#around.hangup.tasks.list({ ...toQuery(this.#route), limit: SHOWN, cursor: this.#cursor });
      this.#cursor = next_cursor;
      this.#watch.extend(tasks);
    } catch (error) {
      this.#around.fail(error);
    }
  }

  #tick(): void {
    if (this.#watch.tasks.some(isLive)) this.#around.redraw();
  }

  #drawCancelScope(scope: string): TemplateResult {
    return html`<button class="danger" type="button" @click=${() => this.#cancelling.scope(scope)}>
      Cancel scope <code>${scope}</code>…
    </button>`;
  }

  #drawFilter(): TemplateResult {
    const { state, kind = '', scope = '' } = this.#route;
    return html`
      <form class="filter" aria-label="Filter" @submit=${(event: Event) => event.preventDefault()}>
        <nav class="segments" aria-label="State">
          ${TASK_FILTERS.map((filter) => {
            const href = hrefOf({ ...this.#route, state: filter });
            return html`<a href=${href} aria-current=${filter === state ? 'true' : 'false'}>${words(filter)}</a>`;
          })}
        </nav>
        <label>
          <span>Kind</span>
          <select .value=${live(kind)} @change=${(event: Event) => this.#filterBy({ kind: valueOf(event) })}>
            <option value="">Every kind</option>
            ${KINDS.map((name) => html`<option value=${name} ?selected=${name === kind}>${words(name)}</option>`)}
          </select>
        </label>
        <label>
          <span>Scope</span>
          <input
            type="search"
            placeholder="project:5"
            autocomplete="off"
            spellcheck="false"
            .value=${live(scope)}
            @change=${(event: Event) => this.#filterBy({ scope: valueOf(event).trim() })}
          />
        </label>
      </form>
    `;
  }

  #filterBy(change: Partial<TasksRoute>): void {
    this.#around.go({ ...this.#route, ...change });
  }

  #drawTable(): TemplateResult {
    const { tasks, isReady } = this.#watch;
    if (!isReady) return html`<p class="quiet">Looking…</p>`;
    if (tasks.length === 0) return this.#drawNothing();
    return html`
      <table class="tasks" role="table">
        <caption class="unseen">
          Tasks, newest first
        </caption>
        <thead role="rowgroup">
          <tr role="row">
            ${['Task', 'State', 'Where it is'].map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}
            ${['Elapsed', 'Tokens', 'Cost'].map((name) => html`<th role="columnheader" scope="col" class="number">${name}</th>`)}
            <th role="columnheader" scope="col"><span class="unseen">Action</span></th>
          </tr>
        </thead>
        <tbody role="rowgroup">
          ${repeat(
            tasks,
            ({ id }) => id,
            (task) => this.#drawRow(task),
          )}
        </tbody>
      </table>
      ${this.#cursor === undefined ? nothing : html`<button class="older" type="button" @click=${() => this.#showOlder()}>Show older</button>`}
    `;
  }

  #drawNothing(): TemplateResult {
    const isFiltered = hrefOf(this.#route) !== hrefOf({ name: 'tasks', state: 'all' });
    return html`
      <div class="nothing">
        ${
          isFiltered
            ? html`<p>No task is like that. <a href=${hrefOf({ name: 'tasks', state: 'all' })}>Show all</a></p>`
            : html`<p>Nothing has been asked yet. <a href=${hrefOf({ name: 'quiz' })}>Generate a quiz</a>, and it is here.</p>`
        }
      </div>
    `;
  }

  #drawRow(task: WatchedTask): TemplateResult {
    return html`
      <tr role="row" class=${isLive(task) ? 'live' : ''} data-task=${task.id}>
        <th role="rowheader" scope="row" class="what">
          <a href=${hrefOf({ name: 'task', id: task.id })}>${words(task.kind)} <code class="id">${shortId(task.id)}</code></a>
          <span class="scopes">
            <time datetime=${task.created_at}>${moment(task.created_at)}</time>
            ${task.owner === undefined ? nothing : html`<span>${task.owner}</span>`}
            ${task.scopes.map((scope) => html`<a class="scope" href=${hrefOf({ ...this.#route, scope })} title=${scope}>${scope}</a>`)}
          </span>
        </th>
        <td role="cell" class="how">${drawState(task.state)}</td>
        <td role="cell" class="where"><span>${describeWhere(task)}</span>${isLive(task) ? drawProgress(task) : nothing}</td>
        <td role="cell" class="number elapsed">${elapsedOf(task)}</td>
        <td role="cell" class="number tokens">${tokensOf(task)}<span class="unit"> tokens</span></td>
        <td role="cell" class="number cost">${costOf(task)}</td>
        <td role="cell" class="action">${this.#drawAction(task)}</td>
      </tr>
    `;
  }

  #drawAction(task: Task): TemplateResult | typeof nothing {
    const of = html`<span class="unseen"> ${words(task.kind)} ${shortId(task.id)}</span>`;
    if (isStoppable(task)) return html`<button type="button" @click=${(event: Event) => this.#cancel(event, task)}>Cancel${of}</button>`;
    if (isResumable(task)) return html`<button type="button" @click=${() => this.#resume(task)}>Resume${of}</button>`;
    return nothing;
  }

  /** Its button goes, so that whoever used it with the keyboard is led to the task itself. */
  async #cancel(event: Event, task: Task): Promise<void> {
    (event.currentTarget as Element).closest('tr')?.querySelector('a')?.focus();
    await this.#cancelling.one(task);
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

function toQuery({ state, kind, scope }: TasksRoute) {
  return { state: STATES[state], kind, scope };
}

function valueOf(event: Event): string {
  return (event.target as HTMLInputElement | HTMLSelectElement).value;
}
