import { html, nothing, type TemplateResult } from 'lit-html';
import { repeat } from 'lit-html/directives/repeat.js';
import { costOf, moment, shortId, words } from './format.js';
import { hrefOf, type TasksRoute } from './route.js';
import { describeWhere, drawProgress, drawState, elapsedOf, tokensOf } from './task-parts.js';
import type { WatchedTask } from './watched-task.js';
import { isLive, isResumable, isStoppable, type Task } from './wire.js';

export interface TasksTable {
  readonly tasks: readonly WatchedTask[];
  /** What a scope on a row is a filter of. */
  readonly route: TasksRoute;
  readonly cancel: (task: Task) => void;
  readonly resume: (task: Task) => void;
}

/** Roles are said aloud, because on a phone the rows are laid out as blocks, by which some browsers take a table for none. */
export function drawTable(table: TasksTable): TemplateResult {
  return html`
    <table class="tasks" role="table">
      <caption class="unseen">
        Tasks, newest first
      </caption>
      <thead role="rowgroup">
        <tr role="row">
          ${['Task', 'State', 'Where it is'].map((name) => html`<th role="columnheader" scope="col">${name}</th>`)}
          ${['Elapsed', 'Tokens', 'Cost'].map((name) => html`<th role="columnheader" scope="col" class="number">${name}</th>`)}
          <th role="columnheader" scope="col"><span class="unseen">Action</span></th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${repeat(
          table.tasks,
          ({ id }) => id,
          (task) => drawRow(task, table),
        )}
      </tbody>
    </table>
  `;
}

function drawRow(task: WatchedTask, table: TasksTable): TemplateResult {
  return html`
    <tr role="row" class=${isLive(task) ? 'live' : ''} data-task=${task.id}>
      <th role="rowheader" scope="row" class="what">
        <a href=${hrefOf({ name: 'task', id: task.id })}>${words(task.kind)} <code class="id">${shortId(task.id)}</code></a>
        ${drawOrigin(task, table.route)}
      </th>
      <td role="cell" class="how">${drawState(task.state)}</td>
      <td role="cell" class="where"><span>${describeWhere(task)}</span>${isLive(task) ? drawProgress(task) : nothing}</td>
      <td role="cell" class="number elapsed">${elapsedOf(task)}</td>
      <td role="cell" class="number tokens">${tokensOf(task)}<span class="unit"> tokens</span></td>
      <td role="cell" class="number cost">${costOf(task)}</td>
      <td role="cell" class="action">${drawAction(task, table)}</td>
    </tr>
  `;
}

function drawOrigin({ created_at, owner, scopes }: Task, route: TasksRoute): TemplateResult {
  return html`
    <span class="scopes">
      <time datetime=${created_at}>${moment(created_at)}</time>
      ${owner === undefined ? nothing : html`<span>${owner}</span>`}
      ${scopes.map((scope) => html`<a class="scope" href=${hrefOf({ ...route, scope })} title=${scope}>${scope}</a>`)}
    </span>
  `;
}

function drawAction(task: Task, { cancel, resume }: TasksTable): TemplateResult | typeof nothing {
  const of = html`<span class="unseen"> ${words(task.kind)} ${shortId(task.id)}</span>`;
  const stop = (event: Event): void => {
    // The button goes: whoever used it with the keyboard is led to the task itself.
    (event.currentTarget as Element).closest('tr')?.querySelector('a')?.focus();
    cancel(task);
  };
  if (isStoppable(task)) return html`<button type="button" @click=${stop}>Cancel${of}</button>`;
  return isResumable(task) ? html`<button type="button" @click=${() => resume(task)}>Resume${of}</button>` : nothing;
}
