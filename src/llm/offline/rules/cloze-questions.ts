import { toQuestion, type Candidate, type QuestionWriter } from './question-writer.js';
import type { Gloss, Material } from './read-material.js';
import { splitWords } from './split-text.js';

const BLANK = '____';
/** Words without a sentence come after two blanks in each sentence, explanations between glossed lines after everything else. */
const RECALL_ROUND = 2;
const EXPLANATION_ROUND = 100;

interface Sentence {
  readonly text: string;
  readonly hint: string;
  readonly line: string;
  readonly firstRound: number;
}

/** Sorts the better words to leave out to the front. */
type WordOrder = (a: string, b: string) => number;

/**
 * A sentence with a word left out: one that the chapter teaches if there is any, else the longest, the rarer of two of one length. The
 * other words of the sentence come in later rounds.
 */
export const writeClozeQuestions: QuestionWriter = (material, all) => {
  const sentences = sentencesOf(material);
  const taught = new Set(all.flatMap(({ vocabulary }) => vocabulary.map(({ text }) => text)));
  const order = orderWords(taught, countWords(sentences));
  const blanks = sentences.flatMap((sentence) => leaveOut(material, sentence, order));
  return [...blanks, ...material.vocabulary.map((gloss) => recall(material, gloss))];
};

function sentencesOf({ examples, vocabulary, prose }: Material): Sentence[] {
  const firstRound = examples.length + vocabulary.length > 0 ? EXPLANATION_ROUND : 0;
  return [
    ...examples.map(({ text, meaning, line }) => ({ text, hint: ` (${meaning})`, line, firstRound: 0 })),
    ...prose.map((text) => ({ text, hint: '', line: text, firstRound })),
  ];
}

function leaveOut(material: Material, { text, hint, line, firstRound }: Sentence, order: WordOrder): Candidate[] {
  const words = splitWords(text);
  if (words.length < 2) return [];
  const clues = `${text}${hint}`;
  // A word that occurs twice, also inside another, would be given away by what is left.
  const blanks = words.filter((word) => clues.split(word).length === 2).sort(order);
  // Replaced by a function, because `$` has a meaning in replacement strings.
  return blanks.map((answer, index) =>
    cloze(
      material,
      firstRound + index,
      line,
      clues.replace(answer, () => BLANK),
      answer,
    ),
  );
}

function recall(material: Material, { text, reading, meaning, line }: Gloss): Candidate {
  return cloze(material, RECALL_ROUND, line, `${BLANK}${reading === undefined ? '' : ` (${reading})`} means “${meaning}”.`, text);
}

function cloze(material: Material, round: number, line: string, clues: string, answer: string): Candidate {
  const prompt = `Fill in the blank: ${clues}`;
  return { round, prompt, material, write: () => toQuestion(material, line, { type: 'fill_in_blank', prompt, options: null, answer }) };
}

function orderWords(taught: ReadonlySet<string>, frequency: ReadonlyMap<string, number>): WordOrder {
  const isTaught = (word: string): number => (taught.has(word) ? 1 : 0);
  const count = (word: string): number => frequency.get(word) ?? 0;
  return (a, b) => isTaught(b) - isTaught(a) || b.length - a.length || count(a) - count(b);
}

function countWords(sentences: readonly Sentence[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const word of sentences.flatMap(({ text }) => splitWords(text))) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}
