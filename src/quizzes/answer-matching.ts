/** The same answer, whatever its case, width, punctuation and spacing. */
export function isSameAnswer(given: string, expected: string): boolean {
  return normalise(given) === normalise(expected);
}

const BETWEEN_DIGITS = /(?<=\p{N})([^\p{L}\p{M}\p{N}]+)(?=\p{N})|[^\p{L}\p{M}\p{N}]+/gu;

/**
 * What differs in letters, digits and their marks differs in meaning, and so does 3.5 from 35. An answer of nothing else is compared
 * as it stands.
 */
function normalise(text: string): string {
  const folded = text.normalize('NFKC').toLowerCase();
  return folded.replace(BETWEEN_DIGITS, (_, separator?: string) => separator?.trim() ?? '') || folded.trim();
}
