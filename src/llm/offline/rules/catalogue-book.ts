import { LEVELS, type Level } from './level-of.js';
import type { CatalogueBookTask } from './tasks.js';

export interface Catalogue {
  readonly title: string;
  readonly language: string;
  readonly level: Level;
  readonly subject: string;
  readonly order: readonly number[];
}

const BY_NAME_AND_NUMBER = new Intl.Collator('und', { numeric: true });
const PIECES = /\p{Script=Han}|[^\s\p{Script=Han}]+|\s+/gu;
/** What is left at the end of a common beginning when only the number differs. */
const DANGLING = /(?:[\s\-–—:：,._(（#]|第|\b(?:part|volume|vol|chapter|lesson|unit|book|module|section|teil|band|lektion)\b\.?)+$/iu;
const HAN_DIGITS = '零一二三四五六七八九';

/** One book of several documents, by rule: named by what their titles begin with, in the order of their names and numbers. */
export function catalogueBook({ documents }: CatalogueBookTask): Catalogue {
  const inOrder = documents
    .map((document, index) => ({ ...document, index, key: withDigits(document.title) }))
    .toSorted((a, b) => BY_NAME_AND_NUMBER.compare(a.key, b.key));
  return {
    title: titleOf(inOrder.map(({ title }) => title)),
    language: commonest(documents.map(({ language }) => language)) ?? 'und',
    level: commonestLevel(documents.map(({ level }) => level)),
    subject: commonest(documents.map(({ subject }) => subject)) ?? 'Unknown',
    order: inOrder.map(({ index }) => index),
  };
}

function titleOf([first = 'Untitled', ...others]: readonly string[]): string {
  if (others.length === 0) return first;
  const shared = others.reduce(commonBeginning, first).replace(DANGLING, '').trim();
  return shared === '' ? `${first} and ${others.length} more` : shared;
}

/** Whole words alone, in Chinese whole characters. */
function commonBeginning(a: string, b: string): string {
  const [left, right] = [a.match(PIECES) ?? [], b.match(PIECES) ?? []];
  const end = left.findIndex((piece, place) => piece !== right[place]);
  return left.slice(0, end === -1 ? left.length : end).join('');
}

function commonestLevel(levels: readonly string[]): Level {
  const named = LEVELS.filter((level) => levels.includes(level));
  return named.find((level) => level === commonest(levels.filter((each) => each !== 'none'))) ?? 'none';
}

/** Of several as common, the one that comes first. */
function commonest(values: readonly string[]): string | undefined {
  const groups = Map.groupBy(values.filter(Boolean), (value) => value);
  return [...groups].toSorted(([, a], [, b]) => b.length - a.length)[0]?.[0];
}

/** Chinese numbers up to 99 as digits, because no alphabet has them in order. */
function withDigits(title: string): string {
  return title.replace(/[零一二三四五六七八九]?十[一二三四五六七八九]?|[零一二三四五六七八九]/gu, (number) => String(valueOf(number)));
}

function valueOf(number: string): number {
  const [tens = '', ones = ''] = number.includes('十') ? number.split('十') : ['零', number];
  return 10 * (tens === '' ? 1 : HAN_DIGITS.indexOf(tens)) + (ones === '' ? 0 : HAN_DIGITS.indexOf(ones));
}
