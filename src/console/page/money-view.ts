import { html, nothing, type TemplateResult } from 'lit-html';
import { CancelledError } from '../../client/index.js';
import { DayPlot } from './day-plot.js';
import { drawFigure } from './figure.js';
import { count, counted, percent, usd } from './format.js';
import { amountOf, firstDay, seriesOf, unitOf, type Unit } from './money.js';
import { drawTables } from './money-tables.js';
import { hrefOf, RANGES } from './route.js';
import type { Surroundings, View } from './view.js';
import type { UsageReport } from './wire.js';

/** What work has cost, what of it was in vain, and what was not spent because it was stopped. */
export class MoneyView implements View {
  readonly title = 'Money';
  readonly #around: Surroundings;
  readonly #days: number;
  readonly #over = new AbortController();
  readonly #spent = new DayPlot();
  readonly #saved = new DayPlot();
  #report: UsageReport | undefined;

  constructor(around: Surroundings, days: number) {
    this.#around = around;
    this.#days = days;
    void this.#load();
  }

  leave(): void {
    this.#over.abort();
    this.#spent.remove();
    this.#saved.remove();
  }

  draw(): TemplateResult {
    return html`
      <header class="heading">
        <h1 tabindex="-1">Money</h1>
        <nav class="segments" aria-label="Range">
          ${RANGES.map((days) => {
            const isHere = days === this.#days;
            return html`<a href=${hrefOf({ name: 'money', days })} aria-current=${isHere ? 'true' : 'false'}
              >${days === 365 ? '1 year' : `${days} days`}</a
            >`;
          })}
        </nav>
      </header>
      ${this.#report ? this.#drawReport(this.#report) : html`<p class="quiet">Looking…</p>`}
    `;
  }

  async #load(): Promise<void> {
    try {
      this.#report = await this.#around.hangup.usage.report({ from: firstDay(this.#days), signal: this.#over.signal });
      this.#plot(this.#report);
    } catch (error) {
      if (!(error instanceof CancelledError)) this.#around.fail(error);
    }
    this.#around.redraw();
  }

  #plot(report: UsageReport): void {
    const unit = unitOf(report);
    const format = unit === 'usd' ? usd : count;
    const { days, spent, wasted, saved } = seriesOf(report, unit);
    const spending = [
      { name: 'spent', colour: '--spent', amounts: spent },
      { name: 'wasted', colour: '--wasted', amounts: wasted },
    ];
    this.#spent.show(days, spending, format);
    this.#saved.show(days, [{ name: 'saved', colour: '--saved', amounts: saved }], format);
  }

  #drawReport(report: UsageReport): TemplateResult {
    const unit = unitOf(report);
    return html`
      ${drawFigures(report, unit)} ${drawNotes(report, unit)}
      <div class="plots">
        <figure>
          <figcaption>
            <span class="key spent">Spent</span>, of it <span class="key wasted">wasted</span> on tasks that were then cancelled
            <span class="quiet">(${unitText(unit)} by day, UTC)</span>
          </figcaption>
          ${this.#spent.element}
        </figure>
        <figure>
          <figcaption>
            <span class="key saved">Saved</span> by stopping
            <span class="quiet"
              >(${unitText(unit)} by day, UTC; reckoned from ${counted(report.saved.rests_on_calls, 'completed call')})</span
            >
          </figcaption>
          ${this.#saved.element}
        </figure>
      </div>
      ${drawTables(report, unit)}
    `;
  }
}

function drawFigures({ spent, wasted, saved, cancels, ended_tasks, budget }: UsageReport, unit: Unit): TemplateResult {
  const format = (amount: number): string => (unit === 'usd' ? usd(amount) : counted(amount, 'call'));
  const part = amountOf(spent, unit) === 0 ? null : amountOf(wasted, unit) / amountOf(spent, unit);
  return html`
    <dl class="figures">
      ${drawFigure('Spent', format(amountOf(spent, unit)), `${counted(spent.calls, 'call')}, ${counted(spent.prompt_tokens + spent.completion_tokens, 'token')}`)}
      ${drawFigure('Wasted', format(amountOf(wasted, unit)), `${percent(part)} of what was spent`, 'wasted')}
      ${drawFigure('Saved', format(amountOf(saved, unit)), `${counted(saved.calls, 'call')} not made`, 'saved')}
      ${drawFigure('Cancelled', counted(cancels.tasks, 'task'), `${percent(cancels.rate)} of ${count(ended_tasks)} that ended`)}
      ${budget ? drawFigure('Left today', usd(budget.left_usd), `of ${usd(budget.usd_per_day)}`) : nothing}
    </dl>
  `;
}

function drawNotes({ from, history_since, spent, saved, prices_as_of }: UsageReport, unit: Unit): TemplateResult {
  const notes = [
    unit === 'calls' && spent.calls > 0 && 'The model costs nothing, so that calls are shown in place of dollars.',
    unit === 'usd' && `Prices as of ${prices_as_of}.`,
    spent.open_calls > 0 && `${counted(spent.open_calls, 'call')} still open, without a cost as yet.`,
    unit === 'usd' &&
      spent.unpriced_calls > 0 &&
      `${counted(spent.unpriced_calls, 'call')} of models without a known price, counted as $0.`,
    unit === 'usd' &&
      saved.unpriced_calls > 0 &&
      `${counted(saved.unpriced_calls, 'call')} saved of which no price is known yet, counted as $0.`,
    from < history_since && `Ended tasks are forgotten: before ${history_since.slice(0, 10)}, what was wasted and saved is not complete.`,
  ];
  return html`<p class="quiet notes">${notes.filter((note) => note !== false).join(' ')}</p>`;
}

function unitText(unit: Unit): string {
  return unit === 'usd' ? 'dollars' : 'calls';
}
