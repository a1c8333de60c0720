import { wordsOf } from './phrases.js';

/** The language of a script that is, or nearly is, of one language alone. */
const SCRIPTS: readonly (readonly [letters: RegExp, language: string])[] = [
  [/\p{Script=Han}/gu, 'zh'],
  [/[\p{Script=Hiragana}\p{Script=Katakana}]/gu, 'ja'],
  [/\p{Script=Hangul}/gu, 'ko'],
  [/\p{Script=Cyrillic}/gu, 'ru'],
  [/\p{Script=Arabic}/gu, 'ar'],
  [/\p{Script=Hebrew}/gu, 'he'],
  [/\p{Script=Greek}/gu, 'el'],
  [/\p{Script=Thai}/gu, 'th'],
  [/\p{Script=Devanagari}/gu, 'hi'],
];

/** Words that half of all sentences of a language have, and few of the others. */
const STOP_WORDS: Readonly<Record<string, ReadonlySet<string>>> = {
  en: new Set('the and of to is that it was for with as are this you have from they'.split(' ')),
  de: new Set('der die das und ist nicht ein eine zu mit auf den von sich ich sie wir auch'.split(' ')),
  fr: new Set('le les des et est une dans que pour pas qui sur avec vous je il elle au'.split(' ')),
  es: new Set('el los las y es una en que por para con no del se su yo está como'.split(' ')),
  it: new Set('il gli di e è una che per non con del della sono si io come anche nel'.split(' ')),
  pt: new Set('o os as e é uma em que por para com não do da se eu você está'.split(' ')),
  nl: new Set('de het een en is van niet dat op te zijn met voor ik je we ook maar'.split(' ')),
};

/** From this share of its letters on a text is about the language of another script, and not only mentions it. */
const ENOUGH_LETTERS = 0.1;
const ENOUGH_STOP_WORDS = 0.08;
/** Japanese writes in Chinese characters too; Chinese has no kana. */
const ENOUGH_KANA = 0.1;

/**
 * The BCP 47 tag of the language that a text teaches or is written in: by its script where that is not the Latin one, else by its
 * commonest words; `und` if neither says it. In an English course of Chinese a tenth of the letters is enough for Chinese.
 */
export function languageOf(text: string): string {
  return byScript(text) ?? byStopWords(wordsOf(text)) ?? 'und';
}

function byScript(text: string): string | undefined {
  const letters = count(text, /\p{L}/gu);
  const counts = new Map(SCRIPTS.map(([script, language]) => [language, count(text, script)]));
  const [han = 0, kana = 0] = [counts.get('zh'), counts.get('ja')];
  if (kana > ENOUGH_KANA * han) counts.set('ja', han + kana).delete('zh');
  const [language, most] = largest(counts);
  return most > ENOUGH_LETTERS * letters ? language : undefined;
}

function byStopWords(words: readonly string[]): string | undefined {
  const counts = new Map(Object.entries(STOP_WORDS).map(([language, stops]) => [language, words.filter((word) => stops.has(word)).length]));
  const [language, most] = largest(counts);
  return most > ENOUGH_STOP_WORDS * words.length ? language : undefined;
}

function largest(counts: ReadonlyMap<string, number>): readonly [language: string | undefined, count: number] {
  return [...counts].reduce<readonly [string | undefined, number]>((most, each) => (each[1] > most[1] ? each : most), [undefined, 0]);
}

function count(text: string, pattern: RegExp): number {
  return text.match(pattern)?.length ?? 0;
}
