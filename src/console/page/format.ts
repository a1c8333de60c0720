import type { Task } from './wire.js';

const COUNT = new Intl.NumberFormat('en');
const PERCENT = new Intl.NumberFormat('en', { style: 'percent', maximumFractionDigits: 1 });
const TIME = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });
const DAY = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric' });

export function count(n: number): string {
  return COUNT.format(n);
}

/** `1 call`, `2 calls`. */
export function counted(n: number, one: string, many = `${one}s`): string {
  return `${count(n)} ${n === 1 ? one : many}`;
}

export function percent(part: number | null): string {
  return part === null ? '–' : PERCENT.format(part);
}

/** Dollars with as many places as small amounts need for three figures, down to a millionth. */
export function usd(amount: number): string {
  if (amount === 0) return '$0';
  if (amount < 0.000001) return '< $0.000001';
  const places = amount >= 1 ? 2 : Math.min(6, Math.max(2, 2 - Math.floor(Math.log10(amount))));
  return `$${withPlaces(places).format(amount)}`;
}

/** What a task has cost; reckoned where a call was cut before anybody could count. */
export function costOf({ usage: { cost_usd, estimated } }: Pick<Task, 'usage'>): string {
  return `${estimated && cost_usd >= 0.000001 ? '≈ ' : ''}${usd(cost_usd)}`;
}

function withPlaces(places: number): Intl.NumberFormat {
  return new Intl.NumberFormat('en', { minimumFractionDigits: 2, maximumFractionDigits: places });
}

/** As exact as a receipt is, up to a second; beyond that as people say it. */
export function milliseconds(ms: number): string {
  if (ms < 10) return `${ms.toFixed(2)} ms`;
  if (ms < 1000) return `${ms.toFixed(1)} ms`;
  return duration(ms);
}

/** `4.2 s`, `3 min 05 s`, `2 h 07 min`. */
export function duration(ms: number): string {
  if (ms < 60_000) return `${(Math.max(0, ms) / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${twoDigits(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${twoDigits(minutes % 60)} min`;
}

function twoDigits(n: number): string {
  return String(n).padStart(2, '0');
}

/** The time of today, else the day with it. */
export function moment(iso: string, now = new Date()): string {
  const at = new Date(iso);
  const time = TIME.format(at);
  return at.toDateString() === now.toDateString() ? time : `${DAY.format(at)}, ${time}`;
}

/** Enough of an id to tell it from its neighbours. */
export function shortId(id: string): string {
  return id.slice(0, 8);
}

/** `quiz_generation` as people say it. */
export function words(name: string): string {
  return sentence(name.replaceAll('_', ' '));
}

/** With a capital at its beginning. */
export function sentence(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
