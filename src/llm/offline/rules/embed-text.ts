import { hashText } from './hash-text.js';
import { wordsOf } from './phrases.js';

/** The length of every vector of the offline model. */
export const EMBEDDING_DIMENSIONS = 256;

const PAIR_WEIGHT = 0.5;

/**
 * A unit vector by signed feature hashing of words and of pairs of neighbours; in scripts without spaces, of characters and their
 * pairs. Texts that share words are near each other. A text without words gives one fixed vector, never zero.
 */
export function embedText(text: string): number[] {
  const vector = new Array<number>(EMBEDDING_DIMENSIONS).fill(0);
  const words = wordsOf(text);
  words.forEach((word, i) => {
    add(vector, word, weightOf(word));
    if (i > 0) add(vector, `${words[i - 1] ?? ''} ${word}`, PAIR_WEIGHT);
  });
  return toUnit(vector);
}

function add(vector: number[], feature: string, weight: number): void {
  const hash = hashText(feature);
  const index = hash % EMBEDDING_DIMENSIONS;
  vector[index] = (vector[index] ?? 0) + ((hash & 0x100) === 0 ? weight : -weight);
}

/** Short Latin words are mostly those that every text has. */
function weightOf(word: string): number {
  return /^\p{Script=Latin}{1,3}$/u.test(word) ? 0.3 : 1;
}

function toUnit(vector: readonly number[]): number[] {
  const length = Math.hypot(...vector);
  return length === 0 ? vector.map((_, index) => (index === 0 ? 1 : 0)) : vector.map((value) => value / length);
}
