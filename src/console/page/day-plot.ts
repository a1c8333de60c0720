import uPlot from 'uplot';

export interface Bars {
  readonly name: string;
  /** A custom property of the style sheet: the theme decides what colour it is. */
  readonly colour: string;
  readonly amounts: readonly number[];
}

const HEIGHT = 168;
/** There is no half of a call. */
const WHOLE = [1, 2, 5].flatMap((step) => [0, 1, 2, 3, 4, 5, 6].map((power) => step * 10 ** power)).sort((a, b) => a - b);
const UTC = (seconds: number): Date => uPlot.tzDate(new Date(seconds * 1000), 'Etc/UTC');

/** Bars by day, later ones over earlier ones. It fills the width that it has, and follows the theme. */
export class DayPlot {
  readonly element = document.createElement('div');
  readonly #place = document.createElement('div');
  readonly #readout = document.createElement('p');
  readonly #resize = new ResizeObserver(() => this.#fit());
  readonly #over = new AbortController();
  #plot: uPlot | undefined;
  #days: readonly number[] = [];
  #bars: readonly Bars[] = [];
  #format: (amount: number) => string = String;
  #isWhole = false;

  constructor() {
    this.element.className = 'plot';
    // The table below says the same.
    this.element.setAttribute('aria-hidden', 'true');
    this.#readout.className = 'readout';
    this.element.append(this.#place, this.#readout);
    this.#resize.observe(this.element);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.#build(), { signal: this.#over.signal });
  }

  show(days: readonly number[], bars: readonly Bars[], format: (amount: number) => string): void {
    this.#days = days;
    this.#bars = bars;
    this.#format = format;
    this.#isWhole = bars.every(({ amounts }) => amounts.every(Number.isInteger));
    this.#build();
  }

  remove(): void {
    this.#over.abort();
    this.#resize.disconnect();
    this.#plot?.destroy();
  }

  #fit(): void {
    const width = Math.floor(this.element.clientWidth);
    if (width === 0) return;
    if (this.#plot) this.#plot.setSize({ width, height: HEIGHT });
    else this.#build();
  }

  #build(): void {
    this.#plot?.destroy();
    this.#plot = undefined;
    const width = Math.floor(this.element.clientWidth);
    if (width === 0 || this.#days.length === 0) return;
    const data: uPlot.AlignedData = [[...this.#days], ...this.#bars.map(({ amounts }) => [...amounts])];
    this.#plot = new uPlot(this.#options(width), data, this.#place);
  }

  #options(width: number): uPlot.Options {
    const { ink, line } = { ink: this.#colour('--quiet'), line: this.#colour('--line') };
    const axis = { stroke: ink, font: '11px system-ui, sans-serif', grid: { stroke: line, width: 1 }, ticks: { show: false } };
    const [first = 0, last = 0] = [this.#days[0], this.#days.at(-1)];
    const paths = uPlot.paths.bars?.({ size: [0.7, 36, 2], radius: 0.15 });
    return {
      width,
      height: HEIGHT,
      tzDate: UTC,
      legend: { show: false },
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      hooks: { setCursor: [({ cursor }) => this.#tell(cursor.idx)] },
      scales: { x: { range: [first - 43_200, last + 43_200] }, y: { range: (_, __, max) => [0, max === 0 ? 1 : max * 1.08] } },
      axes: [
        { ...axis, grid: { show: false }, size: 26, space: 64, values: (_, seconds) => seconds.map(dayText) },
        { ...axis, size: 64, space: 36, ...(this.#isWhole && { incrs: WHOLE }), values: (_, amounts) => amounts.map(this.#format) },
      ],
      series: [
        {},
        ...this.#bars.map(({ name, colour }) => {
          const fill = this.#colour(colour);
          return { label: name, fill, stroke: fill, width: 0, points: { show: false }, ...(paths && { paths }) };
        }),
      ],
    };
  }

  /** What there was on the day under the pointer. */
  #tell(n: number | null | undefined): void {
    const day = this.#days[n ?? -1];
    const amounts = this.#bars.map(({ name, amounts }) => `${this.#format(amounts[n ?? -1] ?? 0)} ${name}`);
    this.#readout.textContent = day === undefined ? '' : `${dayText(day)}: ${amounts.join(', ')}`;
  }

  /** As the browser has worked it out: a canvas knows nothing of custom properties. */
  #colour(property: string): string {
    this.element.style.setProperty('color', `var(${property})`);
    const { color } = getComputedStyle(this.element);
    this.element.style.removeProperty('color');
    return color;
  }
}

const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', timeZone: 'UTC' });

function dayText(seconds: number): string {
  return DAY.format(new Date(seconds * 1000));
}
