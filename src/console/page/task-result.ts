import { html, nothing, type TemplateResult } from 'lit-html';
import { counted } from './format.js';

interface EndedItem {
  readonly name: string;
  readonly state: string;
  readonly error?: { readonly message: string };
}

/** What a task has come to. Of a job that has not completed: what of it has ended. */
export function drawResult(result: unknown): TemplateResult | typeof nothing {
  if (result === null || result === undefined) return nothing;
  const { items } = result as { readonly items?: readonly EndedItem[] };
  return html`
    <section aria-labelledby="result">
      <h2 id="result">Result</h2>
      ${items ? drawItems(items) : nothing}
      <details>
        <summary>As JSON</summary>
        <pre tabindex="0">${JSON.stringify(result, null, 2)}</pre>
      </details>
    </section>
  `;
}

function drawItems(items: readonly EndedItem[]): TemplateResult {
  return html`
    <p class="quiet">${counted(items.length, 'item')} had ended. Going on with it does the others alone.</p>
    <ol class="items">
      ${items.map(drawItem)}
    </ol>
  `;
}

function drawItem({ name, state, error }: EndedItem): TemplateResult {
  return html`<li>
    <span class="state ${state}">${name}<span class="unseen"> ${state}</span></span>
    ${error ? html`<span class="error">${error.message}</span>` : nothing}
  </li>`;
}
