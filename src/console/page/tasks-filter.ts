import { html, type TemplateResult } from 'lit-html';
import { live } from 'lit-html/directives/live.js';
import { words } from './format.js';
import { hrefOf, TASK_FILTERS, type TasksRoute } from './route.js';

const KINDS = ['quiz_generation', 'answer_validation', 'chat_reply', 'analysis', 'document_ingestion', 'document_reclassification'];

/** Which tasks are shown: it goes into the address, so that it can be gone back from. */
export function drawFilter(route: TasksRoute, go: (route: TasksRoute) => void): TemplateResult {
  const { kind = '', scope = '' } = route;
  return html`
    <form class="filter" aria-label="Filter" @submit=${(event: Event) => event.preventDefault()}>
      <nav class="segments" aria-label="State">${TASK_FILTERS.map((state) => drawState(route, state))}</nav>
      <label>
        <span>Kind</span>
        <select .value=${live(kind)} @change=${(event: Event) => go({ ...route, kind: valueOf(event) })}>
          <option value="">Every kind</option>
          ${KINDS.map((name) => html`<option value=${name} ?selected=${name === kind}>${words(name)}</option>`)}
        </select>
      </label>
      <label>
        <span>Scope</span>
        <input
          type="search"
          placeholder="project:5"
          autocomplete="off"
          spellcheck="false"
          .value=${live(scope)}
          @change=${(event: Event) => go({ ...route, scope: valueOf(event).trim() })}
        />
      </label>
    </form>
  `;
}

function drawState(route: TasksRoute, state: TasksRoute['state']): TemplateResult {
  return html`<a href=${hrefOf({ ...route, state })} aria-current=${state === route.state ? 'true' : 'false'}>${words(state)}</a>`;
}

function valueOf(event: Event): string {
  return (event.target as HTMLInputElement | HTMLSelectElement).value;
}
