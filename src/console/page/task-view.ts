import { html, nothing, type TemplateResult } from 'lit-html';
import type { AnyTaskEvent } from '../../client/index.js';
import { Cancelling } from './cancelling.js';
import { costOf, count, moment, shortId, words } from './format.js';
import { drawReceipt } from './receipt.js';
import { hrefOf } from './route.js';
import type { StreamSlots } from './stream-slots.js';
import { describeWhere, drawProgress, drawState, elapsedOf } from './task-parts.js';
import { TaskWatch, type WatchedTask } from './task-watch.js';
import type { Surroundings, View } from './view.js';
import { isLive, isResumable, isStoppable, type Task } from './wire.js';

const SECOND_MS = 1000;
/** Of an account that may be long, the end. */
const MOST_EVENTS = 200;
/** Said piece by piece, and read better in the result. */
const PIECES = new Set(['text-delta']);

/** One task: what it does or has come to, and, where it was stopped, how. */
export class TaskDetailView implements View {
  readonly title: string;
  readonly #around: Surroundings;
  readonly #id: string;
  readonly #watch: TaskWatch;
  readonly #cancelling: Cancelling;
  readonly #clock: ReturnType<typeof setInterval>;
  #events: AnyTaskEvent[] = [];
  #result: unknown;
  #hasAskedForResult = false;

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
      failed: (error) => around.fail(error),
      reached: () => around.reached(),
    });
    this.#cancelling = new Cancelling(around, () => this.#watch);
    this.#clock = setInterval(() => this.#tick(), SECOND_MS);
  }

  get #task(): WatchedTask | undefined {
    return this.#watch.tasks[0];
  }

  leave(): void {
    clearInterval(this.#clock);
    this.#watch.stop();
  }

  draw(): TemplateResult {
    const task = this.#task;
    return html`
      <header class="heading">
        <h1 tabindex="-1">${task ? words(task.kind) : 'Task'} <code class="id">${this.#id}</code></h1>
        ${task ? drawState(task.state) : nothing} ${task ? html`<div class="actions">${this.#drawAction(task)}</div>` : nothing}
      </header>
      ${task ? this.#drawTask(task) : html`<p class="quiet">Looking…</p>`}
    `;
  }

  #drawTask(task: WatchedTask): TemplateResult {
    return html`
      ${isLive(task) ? html`<div class="standing">${drawProgress(task)} <span>${describeWhere(task)}</span></div>` : nothing}
      ${task.receipt ? html`<section aria-label="Receipt">${drawReceipt({ ...task, receipt: task.receipt })}</section>` : nothing}
      ${drawError(task)} ${drawFacts(task)} ${this.#drawEvents()} ${this.#drawResult()}
    `;
  }

  #drawAction(task: Task): TemplateResult | typeof nothing {
    if (isStoppable(task)) return html`<button class="danger" type="button" @click=${() => this.#cancelling.one(task)}>Cancel</button>`;
    if (isResumable(task)) return html`<button type="button" @click=${() => this.#resume()}>Resume</button>`;
    return nothing;
  }

  #drawEvents(): TemplateResult | typeof nothing {
    if (this.#events.length === 0) return nothing;
    return html`
      <section aria-labelledby="told">
        <h2 id="told">What it tells</h2>
        <ol class="events">
          ${this.#events.map(({ id, type, data }) => html`<li><code class="id">${id}</code> <code>${type}</code> <span>${inShort(data)}</span></li>`)}
        </ol>
      </section>
    `;
  }

  #drawResult(): TemplateResult | typeof nothing {
    if (this.#result === null || this.#result === undefined) return nothing;
    return html`
      <section aria-labelledby="result">
        <h2 id="result">Result</h2>
        ${drawItems(this.#result)}
        <details>
          <summary>As JSON</summary>
          <pre tabindex="0">${JSON.stringify(this.#result, null, 2)}</pre>
        </details>
      </section>
    `;
  }

  #tick(): void {
    if (this.#task && isLive(this.#task)) this.#around.redraw();
  }

  #changed(): void {
    this.#around.redraw();
    if (this.#task && !isLive(this.#task) && !this.#hasAskedForResult) void this.#askForResult();
  }

  async #askForResult(): Promise<void> {
    this.#hasAskedForResult = true;
    try {
      this.#result = (await this.#around.hangup.tasks.result(this.#id)).result;
      this.#around.redraw();
    } catch (error) {
      this.#around.fail(error);
    }
  }

  /** Told again from the beginning where the stream was made again. */
  #hear(event: AnyTaskEvent): void {
    if (PIECES.has(event.type) || this.#events.some(({ id }) => id === event.id)) return;
    this.#events = [...this.#events, event].slice(-MOST_EVENTS);
    this.#around.redraw();
  }

  async #resume(): Promise<void> {
    try {
      const { task_id } = await this.#around.hangup.tasks.resume(this.#id);
      this.#around.go({ name: 'task', id: task_id });
    } catch (error) {
      this.#around.fail(error);
    }
  }
}

function drawError({ error }: Task): TemplateResult | typeof nothing {
  return error ? html`<p class="error"><code>${error.code}</code> ${error.message}</p>` : nothing;
}

interface EndedItem {
  readonly ordinal: number;
  readonly name: string;
  readonly state: string;
  readonly error?: { readonly code: string; readonly message: string };
}

/** What a job that has not completed had finished. */
function drawItems(result: unknown): TemplateResult | typeof nothing {
  const { items } = result as { readonly items?: readonly EndedItem[] };
  if (!Array.isArray(items) || items.length === 0) return nothing;
  return html`
    <ol class="items">
      ${(items as readonly EndedItem[]).map(
        ({ name, state, error }) =>
          html`<li><span class="state ${state}">${name}</span> ${error ? html`<span class="error">${error.message}</span>` : nothing}</li>`,
      )}
    </ol>
  `;
}

function drawFacts(task: Task): TemplateResult {
  const { usage, created_at, started_at, finished_at, scopes, stage, resumed_from, owner, instance } = task;
  return html`
    <dl class="facts">
      ${fact('Asked', moment(created_at))} ${fact('Began', started_at && moment(started_at))}
      ${fact('Ended', finished_at && moment(finished_at))} ${fact(finished_at ? 'Took' : 'Has taken', elapsedOf(task))}
      ${fact('Stage', stage && html`<code>${stage}</code>`)}
      ${fact('Tokens', html`${count(usage.prompt_tokens)} in, ${count(usage.completion_tokens)} out${usage.estimated ? ', estimated' : ''}`)}
      ${fact('Cost', costOf(task))}
      ${fact(
        'Scopes',
        scopes.length > 0 &&
          scopes.map((scope) => html`<a class="scope" href=${hrefOf({ name: 'tasks', state: 'all', scope })}>${scope}</a> `),
      )}
      ${fact(
        'Goes on from',
        resumed_from && html`<a href=${hrefOf({ name: 'task', id: resumed_from })}><code class="id">${shortId(resumed_from)}</code></a>`,
      )}
      ${fact('Owner', owner)} ${fact('Instance', instance)}
    </dl>
  `;
}

function fact(name: string, value: unknown): TemplateResult | typeof nothing {
  if (value === null || value === undefined || value === false || value === '') return nothing;
  return html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}

/** What an event says, as far as it is short. */
function inShort(data: unknown): string {
  const { stage, done, total, item, question, state } = data as Partial<Told>;
  if (stage !== undefined) return stage;
  if (done !== undefined) return `${done} of ${total ?? '?'}${item ? `: ${item}` : ''}`;
  return question?.prompt ?? state ?? '';
}

interface Told {
  readonly stage: string;
  readonly done: number;
  readonly total: number | null;
  readonly item: string | null;
  readonly question: { readonly prompt: string };
  readonly state: string;
}
