import type { TemplateResult } from 'lit-html';
import type { HangupClient } from '../../client/index.js';
import type { Route } from './route.js';

/** A question that is answered before something is done that cannot be undone. */
export interface Question {
  readonly title: string;
  readonly text: string;
  /** What the button that does it says. */
  readonly verb: string;
  /** What the other one says. */
  readonly refusal: string;
  /** Is there a receipt for the reason why? */
  readonly asksWhy: boolean;
}

/** What a view has of the page around it. */
export interface Surroundings {
  readonly hangup: HangupClient;
  /** Who is signed in, as their token says. */
  readonly subject: string;
  /** Draws what is shown anew, once for all that has changed within this turn. */
  redraw(): void;
  /** Says something to whoever cannot see it, and shows it to everybody. */
  announce(text: string): void;
  /** A failure that the view has no better place for. A token that is refused is asked for again. */
  fail(error: unknown): void;
  /** The server was reached: if it could not be before, that need not be shown any longer. */
  reached(): void;
  /** Resolves with the words of whoever agrees, which may be none; with `undefined` where they do not. */
  confirm(question: Question): Promise<string | undefined>;
  go(route: Route): void;
}

/** One view of the console. */
export interface View {
  readonly title: string;
  draw(): TemplateResult;
  /** The view is left: whatever it has under way ends. */
  leave(): void;
  /** Escape was pressed, and nobody else has made use of it. */
  escape?(): void;
}
