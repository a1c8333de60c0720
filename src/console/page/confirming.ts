import { html, nothing, type TemplateResult } from 'lit-html';
import type { Question } from './view.js';

/** One question at a time, in a dialog: Enter in its field agrees, Escape does not. Where it has no field, the refusal has the focus. */
export class Confirming {
  #question: Question | undefined;
  #answer: (reason: string | undefined) => void = () => undefined;

  constructor(
    private readonly redraw: () => void,
    private readonly dialog: () => HTMLDialogElement | null,
  ) {}

  ask(question: Question): Promise<string | undefined> {
    this.#answer(undefined);
    this.#question = question;
    this.redraw();
    return new Promise((resolve) => {
      this.#answer = resolve;
      // Once it is drawn.
      requestAnimationFrame(() => this.dialog()?.showModal());
    });
  }

  draw(): TemplateResult {
    return html`
      <dialog aria-labelledby="question" @close=${() => this.#close(undefined)}>
        ${this.#question === undefined ? nothing : this.#drawQuestion(this.#question)}
      </dialog>
    `;
  }

  #drawQuestion({ title, text, verb, refusal, asksWhy }: Question): TemplateResult {
    return html`
      <form @submit=${(event: SubmitEvent) => this.#submit(event)}>
        <h2 id="question">${title}</h2>
        <p>${text}</p>
        ${asksWhy ? drawWhy() : nothing}
        <div class="actions">
          <button type="button" @click=${() => this.#close(undefined)}>${refusal}</button>
          <button class="danger">${verb}</button>
        </div>
      </form>
    `;
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    const reason = new FormData(event.target as HTMLFormElement).get('reason') as string | null;
    this.#close(reason?.trim() ?? '');
  }

  #close(reason: string | undefined): void {
    const answer = this.#answer;
    this.#answer = () => undefined;
    this.#question = undefined;
    answer(reason);
    this.dialog()?.close();
    this.redraw();
  }
}

function drawWhy(): TemplateResult {
  return html`
    <label
      >Why <span class="quiet">(optional; it stands on the receipt)</span>
      <input name="reason" maxlength="500" autocomplete="off" autofocus />
    </label>
  `;
}
