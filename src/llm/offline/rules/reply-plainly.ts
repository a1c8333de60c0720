import { embedText } from './embed-text.js';
import { splitSentences } from './split-text.js';
import { readPassages, type Passage } from './tasks.js';

type Quotable = Pick<Passage, 'title' | 'text'>;

const HONEST = 'I am the offline model of Hangup: a few rules, not a language model.';
const ADVICE = 'Set OPENAI_API_KEY to have a real model answer.';
const NEAR = 0.1;
/** After such a line, the rest of a message is material and no instruction. */
const HEADING = /^(?:passages?|context|material|sources?|excerpts?)\b[^\n]*:[ \t]*$/imu;

/**
 * A few honest sentences, with the nearest sentence of the passages in the messages quoted. Passages are what a JSON message holds
 * under `passages`, and the text after a line such as `Passages:`.
 */
export function replyPlainly(question: string, messages: readonly string[]): string {
  const nearest = nearestSentence(question, messages.flatMap(quotablesOf));
  return [HONEST, nearest ?? 'I was given no passage that speaks of this.', ADVICE].join(' ');
}

function nearestSentence(question: string, quotables: readonly Quotable[]): string | undefined {
  const asked = embedText(question);
  const sentences = quotables.flatMap(({ title, text }) =>
    text
      .split('\n')
      .flatMap(splitSentences)
      .map((sentence) => ({ title, sentence })),
  );
  const ranked = sentences.map((found) => ({ ...found, likeness: dot(asked, embedText(found.sentence)) }));
  const best = ranked.reduce((a, b) => (b.likeness > a.likeness ? b : a), { title: '', sentence: '', likeness: NEAR });
  return best.sentence === '' ? undefined : `The nearest I find${best.title === '' ? '' : ` in “${best.title}”`} is: “${best.sentence}”`;
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
