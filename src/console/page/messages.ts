import { html, nothing, type TemplateResult } from 'lit-html';
import { ConnectionLostError } from '../../client/index.js';

/** Long enough to be read twice. */
const SAID_FOR_MS = 12_000;

/** What the page says: of what was done, for a while; of what failed, until it is read, or the server is back. */
export class Messages {
  #said = '';
  #hush: ReturnType<typeof setTimeout> | undefined;
  #failure: unknown;

  constructor(private readonly redraw: () => void) {}

  say(text: string): void {
    this.#said = text;
    clearTimeout(this.#hush);
    if (text !== '') this.#hush = setTimeout(() => this.say(''), SAID_FOR_MS);
    this.redraw();
  }

  fail(error: unknown): void {
    this.#failure = error;
    this.redraw();
  }

  /** The server was reached: that it could not be is over. */
  reached(): void {
    if (this.#failure instanceof ConnectionLostError) this.fail(undefined);
  }

  /** What was said on one view is of no use on the next. */
  clear(): void {
    this.#said = '';
    this.#failure = undefined;
  }

  drawFailure(): TemplateResult {
    return html`<div class="failure" role="alert">${this.#failure === undefined ? nothing : this.#drawText(this.#failure)}</div>`;
  }

  drawSaid(): TemplateResult {
    return html`<p class="said" role="status">${this.#said}</p>`;
  }

  #drawText(failure: unknown): TemplateResult {
    const text = failure instanceof Error ? failure.message : String(failure);
    return html`<p>${text} <button type="button" class="plain" @click=${() => this.fail(undefined)}>Dismiss</button></p>`;
  }
}
