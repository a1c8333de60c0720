import { html, nothing, svg, type TemplateResult } from 'lit-html';
import { drawFigure } from './figure.js';
import { costOf, counted, duration, milliseconds, moment, sentence, words } from './format.js';
import { stoppedAfterMs, timelineOf, type Timeline, type TimelineRow } from './timeline.js';
import type { Receipt, Task } from './wire.js';

/** How a task stopped, in one line. */
export function summaryOf(receipt: Receipt): string {
  return [stopOf(receipt), avoidedBy(receipt)].filter(Boolean).join(', ');
}

function stopOf({ zombies, confirmed, layers, ...receipt }: Receipt): string {
  if (!confirmed) return 'not confirmed: its server vanished';
  if (zombies.length > 0) return `${counted(zombies.length, 'layer')} did not stop`;
  const ms = stoppedAfterMs({ layers });
  if (ms === null) return receipt.stopped_at === null ? 'told to stop' : 'stopped before any work';
  return `stopped in ${milliseconds(ms)}`;
}

function avoidedBy({ calls_avoided }: Receipt): string {
  return calls_avoided === 0 ? '' : `${counted(calls_avoided, 'call')} avoided`;
}

/** A task that was stopped, as far as its receipt is concerned. */
export interface Stopped extends Pick<Task, 'cancel' | 'usage'> {
  readonly receipt: Receipt;
}

/** How a task stopped: in figures, and as a table in which each layer has its line in time. */
export function drawReceipt({ receipt, cancel, usage }: Stopped): TemplateResult {
  const timeline = timelineOf(receipt);
  return html`
    ${drawFigures({ receipt, cancel, usage })}
    ${timeline.rows.length === 0 ? html`<p class="quiet">There was nothing to stop: it had not begun.</p>` : drawTimeline(timeline)}
    ${
      receipt.zombies.length === 0
        ? nothing
        : html`<p class="zombies"><strong>Ignored the signal:</strong> ${receipt.zombies.map((name) => html`<code>${name}</code> `)}</p>`
    }
  `;
}

function drawFigures({ receipt, cancel, usage }: Stopped): TemplateResult {
  return html`
    <dl class="figures">
      ${drawStopFigure(receipt)} ${drawFigure('Not done', counted(receipt.calls_avoided, 'call'), 'to the model, still ahead')}
      ${drawFigure('Spent until then', costOf({ usage }), counted(usage.prompt_tokens + usage.completion_tokens, 'token'))}
      ${cancel ? drawFigure('Cause', words(cancel.cause), describeCancel(cancel, receipt)) : nothing}
    </dl>
    ${cancel?.reason ? html`<p class="reason">“${cancel.reason}”</p>` : nothing}
  `;
}

function drawStopFigure(receipt: Receipt): TemplateResult {
  const ms = stoppedAfterMs(receipt);
  const stage = receipt.stage === null ? '' : html`at <code>${receipt.stage}</code>`;
  if (ms !== null) return drawFigure('Stopped in', milliseconds(ms), stage);
  return drawFigure('Stop', sentence(stopOf(receipt)), stage, receipt.zombies.length > 0 ? 'alarm' : '');
}

function describeCancel({ by, requested_at }: NonNullable<Task['cancel']>, { grace_ms }: Receipt): string {
  const grace = grace_ms === undefined ? '' : `, after ${duration(grace_ms)} of grace`;
  return `${by === null ? 'at' : `asked by ${by} at`} ${moment(requested_at)}${grace}`;
}

function drawTimeline(timeline: Timeline): TemplateResult {
  return html`
    <div class="scroller">
      <table class="timeline">
        <caption>
          When each layer was told, and when it had stopped, in ms from the abort
        </caption>
        <thead>
          <tr>
            <th scope="col">Layer</th>
            <th scope="col" class="line">${drawAxis(timeline)}</th>
            <th scope="col" class="number">Told</th>
            <th scope="col" class="number">Stopped</th>
          </tr>
        </thead>
        <tbody>
          ${timeline.rows.map((row) => drawRow(row, timeline))}
        </tbody>
      </table>
    </div>
  `;
}

function drawRow(row: TimelineRow, { ticks, endMs }: Timeline): TemplateResult {
  const { layer, operation, toldMs, stoppedMs } = row;
  return html`
    <tr class=${stoppedMs === null ? 'zombie' : ''}>
      <th scope="row"><span class="layer">${layer}</span> <span class="operation">${operation}</span></th>
      <td class="line">
        <svg class="lifeline" width="100%" height="20" aria-hidden="true">
          ${ticks.map((tick) => svg`<line class="grid" x1=${part(tick / endMs)} x2=${part(tick / endMs)} y1="0" y2="20" />`)}
          ${drawBar(row)}
        </svg>
      </td>
      <td class="number">${toldMs.toFixed(2)}</td>
      <td class="number">${stoppedMs === null ? 'still running' : stoppedMs.toFixed(stoppedMs < 10 ? 2 : 1)}</td>
    </tr>
  `;
}

function drawBar({ from, to, stoppedMs }: TimelineRow): TemplateResult {
  return svg`
    <rect class="span" x=${part(from)} width=${part(Math.max(0.004, to - from))} y="6" height="8" rx="2" />
    <circle class="told" cx=${part(from)} cy="10" r="3.5" />
    ${stoppedMs === null ? nothing : svg`<rect class="stop" x=${part(to)} width="2" y="3" height="14" />`}
  `;
}

function drawAxis({ ticks, endMs }: Timeline): TemplateResult {
  return html`
    <span class="unseen">From told to stopped</span>
    <svg class="axis" width="100%" height="16" aria-hidden="true">
      ${ticks.map(
        (tick, n) =>
          svg`<text x=${part(tick / endMs)} y="12" text-anchor=${n === 0 ? 'start' : n === ticks.length - 1 ? 'end' : 'middle'}>${tickText(tick)}</text>`,
      )}
    </svg>
  `;
}

function tickText(tick: number): string {
  return `${Number(tick.toPrecision(6))}`;
}

function part(of: number): string {
  return `${(of * 100).toFixed(3)}%`;
}
