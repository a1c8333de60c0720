import { count, usd } from './format.js';
import type { Amounts, UsageReport } from './wire.js';

/** What is plotted: dollars, or calls where the model costs nothing, so that there is something to see. */
export type Unit = 'usd' | 'calls';

/** By day, oldest first, each day of the range once: also those on which nothing happened. */
export interface Series {
  /** Midnights, in seconds since 1970. */
  readonly days: readonly number[];
  readonly spent: readonly number[];
  readonly wasted: readonly number[];
  readonly saved: readonly number[];
}

const DAY_S = 86_400;

export function unitOf({ spent, saved }: Pick<UsageReport, 'spent' | 'saved'>): Unit {
  return spent.cost_usd > 0 || saved.cost_usd > 0 ? 'usd' : 'calls';
}

export function amountOf({ cost_usd, calls }: Pick<Amounts, 'cost_usd' | 'calls'>, unit: Unit): number {
  return unit === 'usd' ? cost_usd : calls;
}

export function amountText(amounts: Pick<Amounts, 'cost_usd' | 'calls'>, unit: Unit): string {
  return unit === 'usd' ? usd(amounts.cost_usd) : count(amounts.calls);
}

export function seriesOf({ from, to, by_day }: Pick<UsageReport, 'from' | 'to' | 'by_day'>, unit: Unit): Series {
  const days = daysBetween(from, to);
  const known = new Map(by_day.map((each) => [secondsOf(each.day), each]));
  const amounts = (field: 'spent' | 'wasted' | 'saved'): number[] =>
    days.map((day) => {
      const each = known.get(day);
      return each ? amountOf(each[field], unit) : 0;
    });
  return { days, spent: amounts('spent'), wasted: amounts('wasted'), saved: amounts('saved') };
}

/** The first day of so many that end with today, in UTC, as the report counts them. */
export function firstDay(days: number, now = new Date()): string {
  return new Date(now.getTime() - (days - 1) * DAY_S * 1000).toISOString().slice(0, 10);
}

function daysBetween(from: string, to: string): number[] {
  const first = secondsOf(from.slice(0, 10));
  const last = secondsOf(new Date(Date.parse(to) - 1).toISOString().slice(0, 10));
  return Array.from({ length: (last - first) / DAY_S + 1 }, (_, n) => first + n * DAY_S);
}

function secondsOf(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) / 1000;
}
