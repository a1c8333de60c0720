import { html, type TemplateResult } from 'lit-html';
import { CancelledError, type GenerateInput } from '../../client/index.js';
import { drawRun } from './quiz-drawing.js';
import { drawForm, type Books, type Chapters } from './quiz-form.js';
import { QuizRun } from './quiz-run.js';
import type { Surroundings, View } from './view.js';

/** A quiz that is asked for, watched coming into being, stopped, and answered. */
export class QuizView implements View {
  readonly title = 'Quiz';
  readonly #around: Surroundings;
  readonly #over = new AbortController();
  #books: Books = [];
  #bookId: number | undefined;
  #chapters: Chapters = [];
  #run: QuizRun | undefined;

  constructor(around: Surroundings) {
    this.#around = around;
    void this.#loadBooks();
  }

  /** Whoever leaves has no more use for the quiz: it stops. */
  leave(): void {
    this.#over.abort();
    this.#run?.stop();
  }

  escape(): void {
    this.#run?.stop();
  }

  draw(): TemplateResult {
    const form = {
      books: this.#books,
      bookId: this.#bookId,
      chapters: this.#chapters,
      isBusy: this.#run?.isUnderWay === true,
      choose: (bookId: number) => void this.#choose(bookId),
      generate: (input: GenerateInput) => this.#generate(input),
      stop: () => this.#run?.stop(),
    };
    return html`
      <header class="heading"><h1 tabindex="-1">Quiz</h1></header>
      ${drawForm(form)} ${this.#run ? this.#drawRun(this.#run) : drawNothing()}
    `;
  }

  #drawRun(run: QuizRun): TemplateResult {
    return drawRun(run, (questionId, answer) => void run.check(questionId, answer, this.#over.signal));
  }

  #generate(input: GenerateInput): void {
    this.#run?.stop();
    this.#run = new QuizRun(this.#around, input);
    void this.#run.start();
    this.#around.redraw();
  }

  async #loadBooks(): Promise<void> {
    await this.#load(async (signal) => {
      this.#books = (await this.#around.hangup.books.list({ signal })).books;
      this.#bookId = this.#books[0]?.id;
    });
    if (this.#bookId !== undefined) await this.#choose(this.#bookId);
  }

  async #choose(bookId: number): Promise<void> {
    this.#bookId = bookId;
    await this.#load(async (signal) => {
      const { chapters } = await this.#around.hangup.books.chapters(bookId, { signal });
      if (this.#bookId === bookId) this.#chapters = chapters.filter(({ passages }) => passages > 0);
    });
  }

  async #load(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    try {
      await work(this.#over.signal);
    } catch (error) {
      if (!(error instanceof CancelledError)) this.#around.fail(error);
    }
    this.#around.redraw();
  }
}

function drawNothing(): TemplateResult {
  return html`
    <p class="nothing">The stages and each question appear here as they come. Stop, Escape or leaving this page ends the work.</p>
  `;
}
