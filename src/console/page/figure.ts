import { html, type TemplateResult } from 'lit-html';

/** One number that matters, with what it says of itself in small. */
export function drawFigure(title: string, value: string, note: unknown, name = ''): TemplateResult {
  return html`
    <div class=${name}>
      <dt>${title}</dt>
      <dd><span class="value">${value}</span> <span class="quiet">${note}</span></dd>
    </div>
  `;
}
