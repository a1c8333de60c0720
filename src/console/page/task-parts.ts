import { html, nothing, type TemplateResult } from 'lit-html';
import { count, duration, words } from './format.js';
import { summaryOf } from './receipt.js';
import type { WatchedTask } from './watched-task.js';
import { isLive, type Task, type TaskState } from './wire.js';

/** The stages of the kinds whose way is known, in their order. */
const STAGES: Readonly<Record<string, readonly string[]>> = {
  quiz_generation: ['query_weakness', 'retrieve_content', 'generate_quiz', 'evaluate_content', 'save_quiz'],
};

/** A state by its colour and shape, and by its word. */
export function drawState(state: TaskState): TemplateResult {
  return html`<span class="state ${state}">${state}</span>`;
}

/** Where a task is, as well as it is known. */
export function drawProgress(task: WatchedTask): TemplateResult {
  const { done, total } = task.progress;
  const label = `Progress of ${words(task.kind)}`;
  if (task.state === 'queued') return html`<progress aria-label=${label} max="1" value="0"></progress>`;
  if (total !== null) return html`<progress aria-label=${label} max=${Math.max(1, total)} value=${done}></progress>`;
  const stages = STAGES[task.kind];
  if (!stages || task.stage === null) return html`<progress aria-label=${label}></progress>`;
  return html`<progress aria-label=${label} max=${stages.length} value=${stages.indexOf(task.stage) + 0.5}></progress>`;
}

/** What a task does at present, or what came of it, in a few words. */
export function describeWhere(task: WatchedTask): TemplateResult | typeof nothing {
  const { state, stage, receipt, error } = task;
  if (state === 'failed') return html`<code>${error?.code ?? 'failed'}</code>`;
  if (state === 'cancelled') return html`${receipt ? summaryOf(receipt) : 'stopped'}`;
  const parts = [itemsOf(task), questionsOf(task), leftOf(task)].filter((part) => part !== '');
  return html`${isLive(task) && stage !== null && task.progress.total === null ? html`<code>${stage}</code>` : nothing} ${parts.join(', ')}`;
}

function itemsOf({ progress: { done, total, item } }: Task): string {
  if (total === null) return '';
  return `${count(done)} of ${count(total)}${item === null ? '' : `: ${item}`}`;
}

function questionsOf({ questions, state }: WatchedTask): string {
  return questions === undefined || !isLive({ state }) ? '' : `${questions} ${questions === 1 ? 'question' : 'questions'} so far`;
}

function leftOf({ progress: { seconds_left: left } }: Task): string {
  return left === null ? '' : `${duration(left * 1000)} left`;
}

/** How long a task has taken, until now while it runs. */
export function elapsedOf({ created_at, started_at, finished_at }: Task, now = Date.now()): string {
  const from = Date.parse(started_at ?? created_at);
  return duration((finished_at === null ? now : Date.parse(finished_at)) - from);
}

export function tokensOf({ usage: { prompt_tokens, completion_tokens } }: Task): string {
  return count(prompt_tokens + completion_tokens);
}
