/** The same answer, whatever its case, width, punctuation and spacing. */
export function isSameAnswer(given: string, expected: string): boolean {
  return normalise(given) === normalise(expected);
}

/** What only differs in letters, digits and their marks differs in meaning; an answer of nothing else is compared as it stands. */
function normalise(text: string): string {
  const folded = text.normalize('NFKC').toLowerCase();
  return folded.replace(/[^\p{L}\p{M}\p{N}]+/gu, '') || folded.trim();
}
