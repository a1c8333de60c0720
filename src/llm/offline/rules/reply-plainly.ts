import { embedText } from './embed-text.js';
import { wordsOf } from './phrases.js';
import { splitSentences } from './split-text.js';
import { readPassages, type Passage } from './tasks.js';

type Quotable = Pick<Passage, 'title' | 'text'>;

const HONEST = 'I am the offline model of Hangup: a few rules, not a language model.';
const ADVICE = 'Set OPENAI_API_KEY to have a real model answer.';
const NEAR = 0.1;
/** A sentence is quoted along with the nearest if it is at least so near, compared with that one. */
const NEARLY_AS_NEAR = 0.6;
const MOST_QUOTES = 3;
/** How much the title of a passage counts: what it is about may stand in no sentence of it. */
const TITLE_WEIGHT = 0.5;
/** Latin words that say nothing of what a question is about. */
const SHORT_WORD = /^\p{Script=Latin}{1,3}$/u;
const COMMON_WORDS = new Set(
  'about could does explain have help know learn like mean means need please some tell that there this what when where which with word would your'.split(
    ' ',
  ),
);
/** After such a line, the rest of a message is material and no instruction. */
const HEADING = /^(?:passages?|context|material|sources?|excerpts?)\b[^\n]*:[ \t]*$/imu;

interface Quote {
  readonly title: string;
  readonly sentence: string;
  readonly likeness: number;
}

/**
 * The sentences of the passages in the messages that are nearest to the question, and who says so. Passages are what a JSON message
 * holds under `passages`, and the text after a line such as `Passages:`.
 */
export function replyPlainly(question: string, messages: readonly string[]): string {
  const quotes = nearestSentences(question, messages.flatMap(quotablesOf));
  if (quotes.length === 0) return [HONEST, 'I was given no passage that speaks of this.', ADVICE].join(' ');
  return [...quotedByTitle(quotes), HONEST, ADVICE].join(' ');
}

function nearestSentences(question: string, quotables: readonly Quotable[]): Quote[] {
  const asked = embedText(question);
  const ranked = quotables
    .flatMap((quotable) => quotesFrom(quotable, question, asked))
    .filter(({ likeness }) => likeness > NEAR)
    .sort((a, b) => b.likeness - a.likeness);
  const nearest = ranked[0]?.likeness ?? 0;
  return ranked.filter(({ likeness }) => likeness >= nearest * NEARLY_AS_NEAR).slice(0, MOST_QUOTES);
}

/** What has a telling word of the question, in itself or in its title: likeness alone also finds what is near by chance. */
function quotesFrom({ title, text }: Quotable, question: string, asked: readonly number[]): Quote[] {
  const telling = new Set(wordsOf(question).filter(isTelling));
  const ofTitle = title === '' ? 0 : TITLE_WEIGHT * dot(asked, embedText(title));
  return text
    .split('\n')
    .flatMap(splitSentences)
    .filter((sentence) => wordsOf(`${title} ${sentence}`).some((word) => telling.has(word)))
    .map((sentence) => ({ title, sentence, likeness: ofTitle + dot(asked, embedText(sentence)) }));
}

function isTelling(word: string): boolean {
  return !SHORT_WORD.test(word) && !COMMON_WORDS.has(word);
}

/** One sentence for each passage that is quoted, the nearest first. */
function quotedByTitle(quotes: readonly Quote[]): string[] {
  const byTitle = Map.groupBy(quotes, ({ title }) => title);
  return Array.from(byTitle, ([title, of]) => {
    const quoted = of.map(({ sentence }) => `“${sentence}”`).join(', ');
    return title === '' ? `The passage says: ${quoted}.` : `“${title}” says: ${quoted}.`;
  });
}

function quotablesOf(message: string): Quotable[] {
  const document = parseJson(message);
  if (document !== undefined) return readPassages(document);
  const heading = HEADING.exec(message);
  return heading ? [{ title: '', text: message.slice(heading.index + heading[0].length) }] : [];
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, i) => sum + value * (b[i] ?? 0), 0);
}

/** The document that a text is, or nothing if it is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
