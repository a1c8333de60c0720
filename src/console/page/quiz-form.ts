import { html, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import type { GenerateInput, HangupClient } from '../../client/index.js';

export type Books = Awaited<ReturnType<HangupClient['books']['list']>>['books'];
export type Chapters = Awaited<ReturnType<HangupClient['books']['chapters']>>['chapters'];

const EXERCISES = ['mixed', 'vocabulary', 'grammar', 'fill_in_blank', 'reading_comprehension'] as const;
const MOST_QUESTIONS = 20;

export interface QuizForm {
  readonly books: Books;
  readonly bookId: number | undefined;
  readonly chapters: Chapters;
  readonly isBusy: boolean;
  readonly choose: (bookId: number) => void;
  readonly generate: (input: GenerateInput) => void;
  readonly stop: () => void;
}

/** What a quiz is asked for with. */
export function drawForm(form: QuizForm): TemplateResult {
  return html`
    <form class="ask" @submit=${(event: SubmitEvent) => submit(event, form)}>
      <label><span>Book</span> ${drawBooks(form)}</label>
      <label><span>Chapter</span> ${drawChapters(form)}</label>
      <label>
        <span>Exercise</span>
        <select name="exercise">
          ${EXERCISES.map((name) => html`<option value=${name}>${name.replaceAll('_', ' ')}</option>`)}
        </select>
      </label>
      <label>
        <span>Questions</span>
        <input name="count" type="number" min="1" max=${MOST_QUESTIONS} value="5" required />
      </label>
      ${drawButton(form)}
    </form>
  `;
}

function drawBooks({ books, bookId, choose }: QuizForm): TemplateResult {
  return html`
    <select name="book" required @change=${(event: Event) => choose(Number((event.target as HTMLSelectElement).value))}>
      ${books.map(({ id, title }) => html`<option value=${id} ?selected=${id === bookId}>${title}</option>`)}
    </select>
  `;
}

function drawChapters({ chapters }: QuizForm): TemplateResult {
  return html`
    <select name="chapter" required>
      ${repeat(
        chapters,
        ({ id }) => id,
        ({ id, title, level }) => html`<option value=${id}>${title} (${level})</option>`,
      )}
    </select>
  `;
}

/**
 * One button for both, so that it keeps the focus. The second click of a double one was not meant as a stop, nor is Enter in a field, which
 * clicks whatever button submits.
 */
function drawButton({ chapters, isBusy, stop }: QuizForm): TemplateResult {
  const click = (event: MouseEvent): void => {
    if (!isBusy) return;
    event.preventDefault();
    if (event.detail < 2) stop();
  };
  return html`
    <button type=${isBusy ? 'button' : 'submit'} class=${isBusy ? 'danger' : 'primary'} ?disabled=${chapters.length === 0} @click=${click}>
      ${isBusy ? html`Stop <kbd>Esc</kbd>` : 'Generate'}
    </button>
  `;
}

function submit(event: SubmitEvent, { isBusy, generate }: QuizForm): void {
  event.preventDefault();
  // Without a button that submits, a form with one field does so all the same.
  if (isBusy) return;
  const form = new FormData(event.target as HTMLFormElement);
  generate({
    book_id: Number(form.get('book')),
    chapter_id: Number(form.get('chapter')),
    exercise_type: form.get('exercise') as GenerateInput['exercise_type'],
    question_count: Number(form.get('count')),
  });
}
