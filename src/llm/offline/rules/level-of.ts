import { splitSentences, splitWords } from './split-text.js';

export const LEVELS = ['A1', 'A2', 'B1', 'B2', 'C1', 'C2'] as const;
export type Level = (typeof LEVELS)[number] | 'none';

const NAMED = /\b(?:CEFR|GER|MCER|CECR|level|niveau|nivel|livello)?[\s:-]*(?<level>[ABC][12])(?![\p{L}\p{N}])/u;
const HSK = /\bHSK\s*(?<grade>[1-6])(?!\d)/iu;
/** Words to a sentence up to which a text is at each of the levels; longer ones are C2. */
const SENTENCE_LENGTHS = [6, 9, 13, 18, 24];
/** Letters to a word in easy prose, and how many words of a sentence one more or less is worth. */
const EASY_WORD = 4.3;
const WORDS_PER_LETTER = 3;
const FEWEST_SENTENCES = 3;

/**
 * The CEFR level that a text names (the six grades of the old HSK counted as the six levels), else one by the length of its sentences
 * and words, which says how hard it is to read and no more. `none` for fewer than three sentences.
 */
export function levelOf(headlines: string, text: string): Level {
  return namedLevel(headlines) ?? levelBySentences(splitSentences(text).filter((sentence) => splitWords(sentence).length > 1));
}

function namedLevel(text: string): Level | undefined {
  const grade = HSK.exec(text)?.groups?.grade;
  if (grade !== undefined) return LEVELS[Number(grade) - 1];
  return LEVELS.find((level) => level === NAMED.exec(text)?.groups?.level);
}

function levelBySentences(sentences: readonly string[]): Level {
  if (sentences.length < FEWEST_SENTENCES) return 'none';
  const words = sentences.flatMap(splitWords);
  const latin = words.filter((word) => /^\p{Script=Latin}+$/u.test(word));
  const letters = latin.length === 0 ? EASY_WORD : latin.reduce((sum, word) => sum + word.length, 0) / latin.length;
  const difficulty = words.length / sentences.length + WORDS_PER_LETTER * (letters - EASY_WORD);
  const place = SENTENCE_LENGTHS.findIndex((length) => difficulty <= length);
  return LEVELS[place === -1 ? SENTENCE_LENGTHS.length : place] ?? 'none';
}
