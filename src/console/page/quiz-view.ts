import { html, nothing, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { CancelledError, type GenerateInput } from '../../client/index.js';
import { counted, usd } from './format.js';
import { QuizRun, STAGES, type AskedQuestion } from './quiz-run.js';
import { drawReceipt } from './receipt.js';
import { hrefOf } from './route.js';
import type { Surroundings, View } from './view.js';

type Books = Awaited<ReturnType<Surroundings['hangup']['books']['list']>>['books'];
type Chapters = Awaited<ReturnType<Surroundings['hangup']['books']['chapters']>>['chapters'];

const EXERCISES = ['mixed', 'vocabulary', 'grammar', 'fill_in_blank', 'reading_comprehension'] as const;
const MOST_QUESTIONS = 20;

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
    return html`
      <header class="heading"><h1 tabindex="-1">Quiz</h1></header>
      ${this.#drawForm()}
      ${this.#run ? this.#drawRun(this.#run) : html`<p class="nothing">The stages and each question appear here as they come. Stop, Escape or leaving this page ends the work.</p>`}
    `;
  }

  #drawForm(): TemplateResult {
    const isBusy = this.#run?.isUnderWay === true;
    return html`
      <form class="ask" @submit=${(event: SubmitEvent) => this.#submit(event)}>
        <label>
          <span>Book</span>
          <select name="book" required @change=${(event: Event) => this.#choose(Number((event.target as HTMLSelectElement).value))}>
            ${this.#books.map(({ id, title }) => html`<option value=${id} ?selected=${id === this.#bookId}>${title}</option>`)}
          </select>
        </label>
        <label>
          <span>Chapter</span>
          <select name="chapter" required>
            ${repeat(
              this.#chapters,
              ({ id }) => id,
              ({ id, title, level }) => html`<option value=${id}>${title} (${level})</option>`,
            )}
          </select>
        </label>
        <label>
          <span>Exercise</span>
          <select name="exercise">
            ${EXERCISES.map((name) => html`<option value=${name}>${name.replaceAll('_', ' ')}</option>`)}
          </select>
        </label>
        <label class="narrow">
          <span>Questions</span>
          <input name="count" type="number" min="1" max=${MOST_QUESTIONS} value="5" required />
        </label>
        <button
          class=${isBusy ? 'danger' : 'primary'}
          ?disabled=${this.#chapters.length === 0}
          @click=${(event: MouseEvent) => this.#click(event)}
        >
          ${isBusy ? html`Stop <kbd>Esc</kbd>` : 'Generate'}
        </button>
      </form>
    `;
  }

  #drawRun(run: QuizRun): TemplateResult {
    return html`
      <section class="run" aria-label="The quiz">
        <ol class="rail" aria-label="Stages">
          ${STAGES.map((stage) => this.#drawStage(run, stage))}
        </ol>
        <p class="outcome">${this.#drawOutcome(run)}</p>
        ${run.answer?.receipt ? drawReceipt({ ...run.answer, receipt: run.answer.receipt }) : nothing}
        <ol class="questions">
          ${repeat(
            run.questions,
            ({ question }) => question.id,
            (asked) => this.#drawQuestion(run, asked),
          )}
        </ol>
      </section>
    `;
  }

  #drawStage(run: QuizRun, stage: string): TemplateResult {
    const state = run.stateOf(stage);
    return html`<li class=${state} aria-current=${state === 'now' ? 'step' : 'false'}><code>${breakable(stage)}</code></li>`;
  }

  #drawOutcome(run: QuizRun): TemplateResult | string {
    const link = run.taskId ? html`<a href=${hrefOf({ name: 'task', id: run.taskId })}>Its page</a>` : nothing;
    if (run.isUnderWay) return html`${counted(run.questions.length, 'question')} so far. ${link}`;
    if (run.problem) return html`<span class="error">${run.problem}</span> ${link}`;
    if (run.isStopped && !run.answer) return 'Stopped. The receipt is on its way.';
    if (run.answer) return html`<strong>Stopped</strong>. ${run.answer.receipt ? nothing : run.answer.message} ${link}`;
    const { usage } = run;
    return html`<strong>Done</strong>: ${counted(run.questions.length, 'question')}${usage ? `, ${usd(usage.cost_usd)}` : ''}. ${link}`;
  }

  #drawQuestion(run: QuizRun, asked: AskedQuestion): TemplateResult {
    const { question, fate, reason } = asked;
    return html`
      <li class=${fate}>
        <p class="prompt">${question.prompt}</p>
        <p class="about">
          <span>${question.type.replaceAll('_', ' ')}</span>
          <span>${question.skill}</span>${reason ? html` <span class="error">refused: ${reason}</span>` : nothing}
        </p>
        ${run.quizId && fate === 'accepted' ? this.#drawAnswering(run, asked) : drawOptions(asked)}
      </li>
    `;
  }

  #drawAnswering(run: QuizRun, { question, verdict, isChecking }: AskedQuestion): TemplateResult {
    return html`
      <form class="answer" @submit=${(event: SubmitEvent) => this.#answer(event, run, question.id)}>
        ${
          question.options
            ? html`<fieldset>
                <legend class="unseen">Answers</legend>
                ${question.options.map((option) => html`<label><input type="radio" name="answer" value=${option} required /> ${option}</label>`)}
              </fieldset>`
            : html`<label
                ><span class="unseen">Your answer</span
                ><input name="answer" required maxlength="4000" autocomplete="off" placeholder="Your answer"
              /></label>`
        }
        <button ?disabled=${isChecking}>Check</button>
        ${verdict ? html`<p class="verdict ${verdict.correct ? 'right' : 'wrong'}" role="status"><strong>${verdict.correct ? 'Right' : 'Not right'}</strong>. ${verdict.explanation}</p>` : nothing}
      </form>
    `;
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

  /** One button for both, so that it keeps the focus. The second click of a double one was not meant as a stop. */
  #click(event: MouseEvent): void {
    if (this.#run?.isUnderWay !== true) return;
    event.preventDefault();
    if (event.detail < 2) this.#run.stop();
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault();
    const form = new FormData(event.target as HTMLFormElement);
    const input: GenerateInput = {
      book_id: Number(form.get('book')),
      chapter_id: Number(form.get('chapter')),
      exercise_type: form.get('exercise') as GenerateInput['exercise_type'],
      question_count: Number(form.get('count')),
    };
    this.#run?.stop();
    this.#run = new QuizRun(this.#around, input);
    void this.#run.start();
  }

  #answer(event: SubmitEvent, run: QuizRun, questionId: string): void {
    event.preventDefault();
    void run.check(questionId, new FormData(event.target as HTMLFormElement).get('answer') as string, this.#over.signal);
  }
}

/** A long name may go on in the next line after each of its words. */
function breakable(name: string): unknown[] {
  return name.split('_').map((word, n) => (n === 0 ? word : html`_<wbr />${word}`));
}

function drawOptions({ question: { options } }: AskedQuestion): TemplateResult | typeof nothing {
  return options
    ? html`<ul class="options">
        ${options.map((option) => html`<li>${option}</li>`)}
      </ul>`
    : nothing;
}
