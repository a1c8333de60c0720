import { html, nothing, type TemplateResult } from 'lit-html';
import { HangupError, type AnyTaskEvent } from '../../client/index.js';
import { Cancelling } from './cancelling.js';
import { shortId, words } from './format.js';
import { drawReceipt } from './receipt.js';
import type { StreamSlots } from './stream-slots.js';
import { TaskAccount } from './task-account.js';
import { drawFacts } from './task-facts.js';
import { describeWhere, drawProgress, drawState } from './task-parts.js';
import { drawResult } from './task-result.js';
import { TaskWatch } from './task-watch.js';
import type { Surroundings, View } from './view.js';
import type { WatchedTask } from './watched-task.js';
import { isLive, isResumable, isStoppable, type Task } from './wire.js';

const SECOND_MS = 1000;

/** One task: what it does or has come to, and, where it was stopped, how. */
export class TaskDetailView implements View {
  readonly title: string;
  readonly #around: Surroundings;
  readonly #id: string;
  readonly #watch: TaskWatch;
  readonly #cancelling: Cancelling;
  readonly #clock: ReturnType<typeof setInterval>;
  readonly #account = new TaskAccount();
  readonly #over = new AbortController();
  #result: unknown;
  #hasAskedForResult = false;
  /** Why there is no such task, where there is none. */
  #missing: string | undefined;

  constructor(around: Surroundings, slots: StreamSlots, id: string) {
    this.title = `Task ${shortId(id)}`;
    this.#around = around;
    this.#id = id;
    this.#watch = new TaskWatch({
      hangup: around.hangup,
      slots,
      look: async (signal) => [await around.hangup.tasks.get(id, { signal })],
      changed: () => this.#changed(),
      heard: (_, event) => this.#hear(event),
      failed: (error) => this.#fail(error),
      reached: () => around.reached(),
    });
    this.#cancelling = new Cancelling(around, this.#watch);
    this.#clock = setInterval(() => this.#tick(), SECOND_MS);
  }

  get #task(): WatchedTask | undefined {
    return this.#watch.tasks[0];
  }

  leave(): void {
    this.#over.abort();
    clearInterval(this.#clock);
    this.#watch.stop();
  }

  draw(): TemplateResult {
    const task = this.#task;
    return html`
      <header class="heading">
        <h1 tabindex="-1">${task ? words(task.kind) : 'Task'} <code class="id">${this.#id}</code></h1>
        ${task ? drawState(task.state) : nothing}
        <div class="actions">${task ? this.#drawAction(task) : nothing}</div>
      </header>
      ${task ? this.#drawTask(task) : html`<p class="quiet">${this.#missing ?? 'Looking…'}</p>`}
    `;
  }

  #drawTask(task: WatchedTask): TemplateResult {
    const { receipt, error } = task;
    return html`
      ${isLive(task) ? html`<div class="standing">${drawProgress(task)} <span>${describeWhere(task)}</span></div>` : nothing}
      ${receipt ? html`<section aria-label="Receipt">${drawReceipt({ ...task, receipt })}</section>` : nothing}
      ${error ? html`<p class="error"><code>${error.code}</code> ${error.message}</p>` : nothing} ${drawFacts(task)} ${this.#account.draw()}
      ${drawResult(this.#result)}
    `;
  }

  #drawAction(task: Task): TemplateResult | typeof nothing {
    if (isStoppable(task))
      return html`<button class="danger" type="button" @click=${(event: Event) => this.#cancel(event, task)}>Cancel</button>`;
    return isResumable(task) ? html`<button type="button" @click=${() => this.#resume()}>Resume</button>` : nothing;
  }

  #fail(error: unknown): void {
    if (!(error instanceof HangupError && (error.status === 404 || error.status === 400))) return this.#around.fail(error);
    this.#missing = error.message;
    this.leave();
    this.#around.redraw();
  }

  #tick(): void {
    if (this.#task && isLive(this.#task)) this.#around.redraw();
  }

  #changed(): void {
    this.#around.redraw();
    if (this.#task && !isLive(this.#task) && !this.#hasAskedForResult) void this.#askForResult();
  }

  #hear(event: AnyTaskEvent): void {
    this.#account.hear(event);
    this.#around.redraw();
  }

  async #askForResult(): Promise<void> {
    this.#hasAskedForResult = true;
    try {
      this.#result = (await this.#around.hangup.tasks.result(this.#id, { signal: this.#over.signal })).result;
      this.#around.redraw();
    } catch (error) {
      if (!this.#over.signal.aborted) this.#around.fail(error);
    }
  }

  /** The button goes: whoever used it with the keyboard is led to the heading. */
  #cancel(event: Event, task: Task): void {
    (event.currentTarget as Element).closest('header')?.querySelector('h1')?.focus();
    void this.#cancelling.one(task);
  }

  /** Whoever has left meanwhile is not led away from where they are. The job goes on all the same: it is no part of the page. */
  async #resume(): Promise<void> {
    const { signal } = this.#over;
    try {
      const { task_id } = await this.#around.hangup.tasks.resume(this.#id);
      if (!signal.aborted) this.#around.go({ name: 'task', id: task_id });
    } catch (error) {
      if (!signal.aborted) this.#around.fail(error);
    }
  }
}
