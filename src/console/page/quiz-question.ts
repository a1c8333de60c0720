import { html, nothing, type TemplateResult } from 'lit-html';
import type { AskedQuestion } from './quiz-run.js';

/** Tells what a question was answered with. */
export type Answer = (questionId: string, answer: string) => void;

/** A question, and a place for its answer where it can be given one. */
export function drawQuestion(asked: AskedQuestion, answer: Answer | undefined): TemplateResult {
  const { question, fate, reason } = asked;
  return html`
    <li class=${fate}>
      <p class="prompt">${question.prompt}</p>
      <p class="about">
        <span>${question.type.replaceAll('_', ' ')}</span> <span>${question.skill}</span>
        ${reason ? html`<span class="error">refused: ${reason}</span>` : nothing}
      </p>
      ${answer && fate === 'accepted' ? drawAnswering(asked, answer) : drawOptions(asked)}
    </li>
  `;
}

function drawOptions({ question: { options } }: AskedQuestion): TemplateResult | typeof nothing {
  if (!options) return nothing;
  return html`<ul class="options">
    ${options.map((option) => html`<li>${option}</li>`)}
  </ul>`;
}

function drawAnswering({ question, verdict, isChecking }: AskedQuestion, answer: Answer): TemplateResult {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    answer(question.id, new FormData(event.target as HTMLFormElement).get('answer') as string);
  };
  return html`
    <form class="answer" @submit=${submit}>
      ${question.options ? drawChoices(question.options) : drawField()}
      <button ?disabled=${isChecking}>Check</button>
      <p class="verdict" role="status">${verdict ? drawVerdict(verdict) : nothing}</p>
    </form>
  `;
}

function drawChoices(options: readonly string[]): TemplateResult {
  return html`
    <fieldset>
      <legend class="unseen">Your answer</legend>
      ${options.map((option) => html`<label><input type="radio" name="answer" value=${option} required /> ${option}</label>`)}
    </fieldset>
  `;
}

function drawField(): TemplateResult {
  return html`<input name="answer" aria-label="Your answer" placeholder="Your answer" required maxlength="4000" autocomplete="off" />`;
}

function drawVerdict({ correct, explanation }: NonNullable<AskedQuestion['verdict']>): TemplateResult {
  return html`<strong class=${correct ? 'right' : 'wrong'}>${correct ? 'Right' : 'Not right'}</strong>. ${explanation}`;
}
