const SENTENCES = new Intl.Segmenter('und', { granularity: 'sentence' });
const WORDS = new Intl.Segmenter('und', { granularity: 'word' });
const UP_TO_300_CHARACTERS = /\S.{0,298}(?!\S)|\S.{0,298}/gsu;

/** The sentences of a text in any language; one longer than 300 characters comes in parts. */
export function splitSentences(text: string): string[] {
  return Array.from(SENTENCES.segment(text), ({ segment }) => segment.trim()).flatMap(cutLong);
}

/** The words of a sentence as they are written, by dictionary where the script has no spaces. */
export function splitWords(sentence: string): string[] {
  return Array.from(WORDS.segment(sentence))
    .filter(({ isWordLike }) => isWordLike === true)
    .map(({ segment }) => segment);
}

/** At most so many characters, with an ellipsis in place of what is left out. */
export function clip(text: string, length: number): string {
  const characters = Array.from(text);
  return characters.length <= length ? text : `${characters.slice(0, length - 1).join('')}…`;
}

function cutLong(sentence: string): string[] {
  return (sentence.match(UP_TO_300_CHARACTERS) ?? []).map((part) => part.trim());
}
