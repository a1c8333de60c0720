import { html, nothing, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { counted, usd } from './format.js';
import { drawQuestion, type Answer } from './quiz-question.js';
import { STAGES, type QuizRun } from './quiz-run.js';
import { drawReceipt } from './receipt.js';
import { hrefOf } from './route.js';

/** A quiz in the making, or made, or stopped. */
export function drawRun(run: QuizRun, answer: Answer): TemplateResult {
  return html`
    <section class="run" aria-label="The quiz">
      <ol class="rail" aria-label="Stages">
        ${STAGES.map((stage) => drawStage(run, stage))}
      </ol>
      <p class="outcome">${drawOutcome(run)}</p>
      ${run.answer?.receipt ? drawReceipt({ ...run.answer, receipt: run.answer.receipt }) : nothing}
      <ol class="questions">
        ${repeat(
          run.questions,
          ({ question }) => question.id,
          (asked) => drawQuestion(asked, run.quizId === undefined ? undefined : answer),
        )}
      </ol>
    </section>
  `;
}

function drawStage(run: QuizRun, stage: string): TemplateResult {
  const state = run.stateOf(stage);
  return html`<li class=${state} aria-current=${state === 'now' ? 'step' : 'false'}><code>${breakable(stage)}</code></li>`;
}

/** A long name may go on in the next line after each of its words. */
function breakable(name: string): unknown[] {
  return name.split('_').map((word, n) => (n === 0 ? word : html`_<wbr />${word}`));
}

function drawOutcome(run: QuizRun): TemplateResult | string {
  const link = run.taskId ? html`<a href=${hrefOf({ name: 'task', id: run.taskId })}>Its page</a>` : nothing;
  if (run.isUnderWay) return html`${counted(run.questions.length, 'question')} so far. ${link}`;
  if (run.problem) return html`<span class="error">${run.problem}</span> ${link}`;
  if (run.isStopped && !run.answer) return 'Stopped. The receipt is on its way.';
  if (run.answer) return html`<strong>Stopped</strong>. ${run.answer.receipt ? nothing : run.answer.message} ${link}`;
  const cost = run.usage ? `, ${usd(run.usage.cost_usd)}` : '';
  return html`<strong>Done</strong>: ${counted(run.questions.length, 'question')}${cost}. ${link}`;
}
