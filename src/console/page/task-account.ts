import { html, nothing, type TemplateResult } from 'lit-html';
import type { AnyTaskEvent } from '../../client/index.js';

/** Of an account that may be long, the end. */
const MOST_EVENTS = 200;
/** Said piece by piece, and read better in the result. */
const PIECES = new Set(['text-delta']);

/** What a task has told, the latest first, and each event once: a stream that is made again tells all from the beginning. */
export class TaskAccount {
  #events: readonly AnyTaskEvent[] = [];

  hear(event: AnyTaskEvent): void {
    if (PIECES.has(event.type) || this.#events.some(({ id }) => id === event.id)) return;
    this.#events = [...this.#events, event].slice(-MOST_EVENTS);
  }

  draw(): TemplateResult | typeof nothing {
    if (this.#events.length === 0) return nothing;
    return html`
      <section aria-labelledby="told">
        <h2 id="told">What it tells</h2>
        <div class="events" role="region" aria-labelledby="told" tabindex="0">
          <ol reversed>
            ${this.#events.toReversed().map(drawEvent)}
          </ol>
        </div>
      </section>
    `;
  }
}

function drawEvent({ id, type, data }: AnyTaskEvent): TemplateResult {
  return html`<li><code class="id">${id}</code> <code>${type}</code> <span>${inShort(data)}</span></li>`;
}

interface Told {
  readonly stage: string;
  readonly done: number;
  readonly total: number | null;
  readonly item: string | null;
  readonly question: { readonly prompt: string };
  readonly state: string;
}

/** What an event says, as far as it is short. */
function inShort(data: unknown): string {
  const { stage, done, total, item, question, state } = data as Partial<Told>;
  if (stage !== undefined) return stage;
  if (done !== undefined) return `${done} of ${total ?? '?'}${item ? `: ${item}` : ''}`;
  return question?.prompt ?? state ?? '';
}
