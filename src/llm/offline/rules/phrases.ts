const SPACELESS =
  '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}';
const WORD = new RegExp(`[${SPACELESS}]|[[\\p{L}\\p{M}\\p{N}]--[${SPACELESS}]]+`, 'gv');

/**
 * The words of a text for comparing: case and width folded, punctuation dropped. In scripts without spaces each character is a word,
 * so that a Chinese phrase is found inside a sentence, while `cat` is not found inside `concatenate`.
 */
export function wordsOf(text: string): string[] {
  return text.normalize('NFKC').toLowerCase().match(WORD) ?? [];
}

/** A text as its words, one space apart: two texts that differ in case, spacing and punctuation only are the same phrase. */
export function phraseOf(text: string): string {
  return wordsOf(text).join(' ');
}

/** Does one phrase occur in another, whole words only? The empty phrase occurs nowhere. */
export function includesPhrase(phrase: string, part: string): boolean {
  return part !== '' && ` ${phrase} `.includes(` ${part} `);
}
