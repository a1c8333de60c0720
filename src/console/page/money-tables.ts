import { html, nothing, type TemplateResult } from 'lit-html';
import { count, percent, words } from './format.js';
import { amountText, type Unit } from './money.js';
import type { UsageReport } from './wire.js';

type Row = Partial<Pick<UsageReport, 'spent'>> & Pick<UsageReport, 'wasted' | 'saved' | 'cancels'>;

interface Table<R extends Row> {
  readonly caption: string;
  readonly head: string;
  readonly rows: readonly R[];
  readonly name: (row: R) => unknown;
}

/** The same by kind, cause, stage and day: what the plots show too, for those who read. */
export function drawTables({ by_kind, by_cause, by_stage, by_day }: UsageReport, unit: Unit): TemplateResult {
  return html`
    ${drawTable(unit, { caption: 'By kind of task', head: 'Kind', rows: by_kind, name: ({ kind }) => words(kind) })}
    ${drawTable(unit, { caption: 'By cause of the cancel', head: 'Cause', rows: by_cause, name: ({ cause }) => words(cause) })}
    ${drawTable(unit, {
      caption: 'By stage',
      head: 'Stage',
      rows: by_stage,
      name: ({ kind, stage }) => html`<code>${stage ?? 'not begun'}</code> <span class="quiet">${words(kind)}</span>`,
    })}
    ${by_day.length === 0 ? nothing : drawDays(unit, by_day)}
  `;
}

/** A line for each day is long: what the plots show, for those who want the numbers. */
function drawDays(unit: Unit, days: UsageReport['by_day']): TemplateResult {
  return html`
    <details class="by-day">
      <summary>By day</summary>
      ${drawTable(unit, { caption: 'By day', head: 'Day (UTC)', rows: days.toReversed(), name: ({ day }) => day })}
    </details>
  `;
}

function drawTable<R extends Row>(unit: Unit, { caption, head, rows, name }: Table<R>): TemplateResult | typeof nothing {
  if (rows.length === 0) return nothing;
  return html`
    <div class="scroller" tabindex="0" role="region" aria-label=${caption}>
      <table class="amounts">
        <caption>
          ${caption}
        </caption>
        <thead>
          <tr>
            <th scope="col">${head}</th>
            ${COLUMNS.map((title) => html`<th scope="col" class="number">${title}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows.map((row) => drawRow(name(row), row, unit))}
        </tbody>
      </table>
    </div>
  `;
}

const COLUMNS = ['Spent', 'Wasted', 'Saved', 'Calls', 'Cancelled', 'Rate'];

/** What was spent is of no cause. */
function drawRow(name: unknown, { spent, wasted, saved, cancels }: Row, unit: Unit): TemplateResult {
  const amounts = [spent, wasted, saved].map((each) => (each ? amountText(each, unit) : '–'));
  const counts = [count((spent ?? wasted).calls), count(cancels.tasks), percent(cancels.rate)];
  return html`
    <tr>
      <th scope="row">${name}</th>
      ${[...amounts, ...counts].map((text) => html`<td class="number">${text}</td>`)}
    </tr>
  `;
}
