import { html, nothing, render, type TemplateResult } from 'lit-html';
import { HangupClient, HangupError } from '../../client/index.js';
import { Confirming } from './confirming.js';
import { Messages } from './messages.js';
import { MoneyView } from './money-view.js';
import { QuizView } from './quiz-view.js';
import { hrefOf, parseRoute, type Route } from './route.js';
import { subjectOf, tokenIn, type Session } from './session.js';
import { StreamSlots } from './stream-slots.js';
import { TaskDetailView } from './task-view.js';
import { TasksView } from './tasks-view.js';
import { TokenView } from './token-view.js';
import type { Surroundings, View } from './view.js';

const LINKS: readonly (readonly [route: Route, text: string])[] = [
  [{ name: 'tasks', state: 'all' }, 'Tasks'],
  [{ name: 'quiz' }, 'Quiz'],
  [{ name: 'money', days: 30 }, 'Money'],
];

/** The page: who is signed in, what the address asks for, and what surrounds it. */
export class Console implements Surroundings {
  readonly #root: HTMLElement;
  readonly #session: Session;
  readonly #slots = new StreamSlots((navigator as Partial<Navigator>).locks ?? null);
  readonly #confirming = new Confirming(
    () => this.redraw(),
    () => this.#root.querySelector('dialog'),
  );
  readonly #messages = new Messages(() => this.redraw());
  readonly #baseUrl = new URL('.', document.baseURI).href;
  #hangup: HangupClient | undefined;
  #view: View | undefined;
  #model = '';
  #isDrawn = true;

  constructor(root: HTMLElement, session: Session) {
    this.#root = root;
    this.#session = session;
  }

  start(): void {
    addEventListener('hashchange', () => this.#arrive());
    addEventListener('keydown', (event) => this.#onKey(event));
    // Whoever closes the page leaves its view too. A browser may show it again as it was.
    addEventListener('pagehide', () => this.#view?.leave());
    addEventListener('pageshow', ({ persisted }) => persisted && this.#open());
    this.#open();
  }

  get hangup(): HangupClient {
    // Two tabs that share a client's name would disturb each other's order: each has its own.
    this.#hangup ??= new HangupClient({
      baseUrl: this.#baseUrl,
      token: () => this.#session.token ?? '',
      onError: (error) => this.fail(error),
    });
    return this.#hangup;
  }

  get subject(): string {
    return this.#session.subject;
  }

  redraw(): void {
    if (!this.#isDrawn) return;
    this.#isDrawn = false;
    queueMicrotask(() => {
      this.#isDrawn = true;
      render(this.#draw(), this.#root);
    });
  }

  announce(text: string): void {
    this.#messages.say(text);
  }

  fail(error: unknown): void {
    if (error instanceof HangupError && error.status === 401) this.#signOut(error.message);
    else this.#messages.fail(error);
  }

  reached(): void {
    this.#messages.reached();
  }

  confirm(question: Parameters<Confirming['ask']>[0]): Promise<string | undefined> {
    return this.#confirming.ask(question);
  }

  go(route: Route): void {
    location.hash = hrefOf(route);
  }

  /** The address was changed by somebody: a link, the buttons of the browser, a token that was pasted into it. */
  #arrive(): void {
    const before = this.#view?.title;
    this.#messages.clear();
    this.#open();
    // Another view is read from its beginning, by those who hear it too; a filter of the same is not.
    if (this.#view?.title !== before) requestAnimationFrame(() => this.#root.querySelector<HTMLElement>('h1')?.focus());
  }

  #open(): void {
    const given = tokenIn(location.hash);
    // Out of the address at once, and out of what the browser remembers of it.
    if (given !== undefined) history.replaceState(null, '', location.pathname + location.search);
    const isOfAnother = given !== undefined && this.#session.isOfAnother(given);
    const staysIn = this.#session.token !== undefined && (given === undefined || isOfAnother);
    this.#show(staysIn ? this.#viewOf(parseRoute(location.hash)) : this.#signIn(given));
    if (isOfAnother) void this.#askToBecome(given);
    if (this.#session.token !== undefined && this.#model === '') void this.#askForModel();
  }

  /** A link may come from anybody, and what is done under a token is seen by whoever it belongs to. */
  async #askToBecome(token: string): Promise<void> {
    const title = `Sign in as ${subjectOf(token) || 'somebody else'}?`;
    const text = `The link has a token that is not yours. You are signed in as ${this.subject || 'somebody else'}, and stay so unless you agree.`;
    const answer = await this.confirm({ title, text, verb: 'Sign in', refusal: 'Stay', asksWhy: false });
    if (answer !== undefined) this.#show(this.#signIn(token));
  }

  #show(view: View): void {
    this.#view?.leave();
    this.#view = view;
    document.title = `${view.title} · Hangup`;
    this.redraw();
  }

  #viewOf(route: Route): View {
    if (route.name === 'quiz') return new QuizView(this);
    if (route.name === 'money') return new MoneyView(this, route.days);
    return route.name === 'task' ? new TaskDetailView(this, this.#slots, route.id) : new TasksView(this, this.#slots, route);
  }

  #signIn(token?: string): View {
    const view = new TokenView(
      this.#session,
      this.#baseUrl,
      () => this.redraw(),
      () => this.#begin(),
    );
    if (token !== undefined) void view.try(token);
    return view;
  }

  /** Nothing of whoever was signed in before is used again. */
  #begin(): void {
    this.#hangup = undefined;
    this.#open();
  }

  #signOut(notice = ''): void {
    if (this.#view instanceof TokenView) return;
    this.#session.end(notice);
    this.#hangup = undefined;
    this.#messages.clear();
    this.#show(this.#signIn());
  }

  #onKey(event: KeyboardEvent): void {
    if (event.key === 'Escape' && !event.defaultPrevented && !this.#root.querySelector('dialog[open]')) this.#view?.escape?.();
  }

  /** Which model answers, in its own words: whoever looks at costs and texts should know when it is the built-in one. */
  async #askForModel(): Promise<void> {
    try {
      const answer = await fetch(new URL('ready', this.#baseUrl));
      this.#model = ((await answer.json()) as { model: { what: string } }).model.what;
      this.redraw();
    } catch {
      // It is said for information, and not needed for anything.
    }
  }

  #draw(): TemplateResult {
    const isIn = !(this.#view instanceof TokenView);
    return html`
      <a class="skip" href="#main" @click=${(event: Event) => this.#skip(event)}>Skip to the content</a>
      <header class="bar">
        <a class="mark" href=${hrefOf({ name: 'tasks', state: 'all' })}>Hangup</a>
        ${isIn ? this.#drawLinks() : nothing}
      </header>
      <main id="main" tabindex="-1">${this.#messages.drawFailure()} ${this.#view?.draw()}</main>
      ${this.#messages.drawSaid()}
      <footer>${this.#model === '' || !isIn ? nothing : html`<p>${this.#model}</p>`}</footer>
      ${this.#confirming.draw()}
    `;
  }

  #drawLinks(): TemplateResult {
    const here = parseRoute(location.hash).name;
    return html`
      <nav aria-label="Console">
        ${LINKS.map(([route, text]) => {
          const isHere = route.name === here || (route.name === 'tasks' && here === 'task');
          return html`<a href=${hrefOf(route)} aria-current=${isHere ? 'page' : 'false'}>${text}</a>`;
        })}
      </nav>
      <div class="who">
        <span class="subject">${this.subject}</span>
        <button type="button" class="plain" @click=${() => this.#signOut()}>Sign out</button>
      </div>
    `;
  }

  /** Without a change of the address, which says what is shown. */
  #skip(event: Event): void {
    event.preventDefault();
    this.#root.querySelector<HTMLElement>('main')?.focus();
  }
}
