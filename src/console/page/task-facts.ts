import { html, nothing, type TemplateResult } from 'lit-html';
import { costOf, count, moment, shortId } from './format.js';
import { hrefOf } from './route.js';
import { elapsedOf } from './task-parts.js';
import type { Task } from './wire.js';

/** What there is to know of a task besides. */
export function drawFacts(task: Task): TemplateResult {
  const { usage, created_at, started_at, finished_at, stage, owner, instance } = task;
  return html`
    <dl class="facts">
      ${drawFact('Asked', moment(created_at))} ${drawFact('Began', started_at && moment(started_at))}
      ${drawFact('Ended', finished_at && moment(finished_at))} ${drawFact(finished_at ? 'Took' : 'Has taken', elapsedOf(task))}
      ${drawFact('Stage', stage && html`<code>${stage}</code>`)}
      ${drawFact('Tokens', `${count(usage.prompt_tokens)} in, ${count(usage.completion_tokens)} out${usage.estimated ? ', estimated' : ''}`)}
      ${drawFact('Cost', costOf(task))} ${drawFact('Scopes', drawScopes(task))} ${drawFact('Goes on from', drawOrigin(task))}
      ${drawFact('Owner', owner)} ${drawFact('Instance', instance)}
    </dl>
  `;
}

/** One that there is not is left out. */
function drawFact(name: string, value: unknown): TemplateResult | typeof nothing {
  if (value === null || value === undefined || value === '') return nothing;
  return html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}

function drawScopes({ scopes }: Task): TemplateResult[] | null {
  if (scopes.length === 0) return null;
  return scopes.map((scope) => html`<a class="scope" href=${hrefOf({ name: 'tasks', state: 'all', scope })}>${scope}</a> `);
}

function drawOrigin({ resumed_from: from }: Task): TemplateResult | null {
  return from === null ? null : html`<a href=${hrefOf({ name: 'task', id: from })}><code class="id">${shortId(from)}</code></a>`;
}
