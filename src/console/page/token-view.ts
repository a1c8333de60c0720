import { html, nothing, type TemplateResult } from 'lit-html';
import { HangupClient, HangupError } from '../../client/index.js';
import type { Session } from './session.js';
import type { View } from './view.js';

/** RFC 6750, 2.1. */
const SENDABLE = /^[\w.~+/-]+=*$/;

/** Asks for a token until there is one that is good. */
export class TokenView implements View {
  readonly title = 'Sign in';
  #asking: AbortController | undefined;

  constructor(
    private readonly session: Session,
    private readonly baseUrl: string,
    private readonly redraw: () => void,
    private readonly done: () => void,
  ) {}

  leave(): void {
    this.#asking?.abort();
  }

  draw(): TemplateResult {
    const { notice } = this.session;
    return html`
      <form class="sign-in" @submit=${(event: SubmitEvent) => this.#submit(event)}>
        <h1 tabindex="-1">Sign in</h1>
        <p class="quiet">A bearer token, as the API takes it. It is kept for this tab alone, and goes nowhere but to this server.</p>
        <label for="token">Token</label>
        <input
          id="token"
          name="token"
          type="password"
          autocomplete="off"
          spellcheck="false"
          required
          autofocus
          placeholder="eyJ…"
          aria-invalid=${notice === '' ? 'false' : 'true'}
          aria-describedby="notice"
        />
        <p id="notice" class="error" role="alert">${notice === '' ? nothing : notice}</p>
        <button class="primary" ?disabled=${this.#asking !== undefined}>Sign in</button>
        <p class="quiet">In development the server prints a link at its start that signs you in.</p>
      </form>
    `;
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    await this.try((form.get('token') as string).trim().replace(/^Bearer\s+/i, ''));
  }

  /** Signs in with a token, if the server takes it before the view is left or another is tried. */
  async try(token: string): Promise<void> {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    this.redraw();
    try {
      await this.#check(token, asking.signal);
      asking.signal.throwIfAborted();
      this.session.begin(token);
      this.done();
    } catch (error) {
      if (!asking.signal.aborted) this.session.notice = error instanceof Error ? error.message : String(error);
    } finally {
      if (this.#asking === asking) this.#asking = undefined;
      this.redraw();
    }
  }

  async #check(token: string, signal: AbortSignal): Promise<void> {
    if (!SENDABLE.test(token)) throw new HangupError('unauthorized', 'This is no token: it has characters that none has.');
    await new HangupClient({ baseUrl: this.baseUrl, token }).tasks.list({ limit: 1, signal });
  }
}
