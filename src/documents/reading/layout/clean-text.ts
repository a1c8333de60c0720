/** Ligatures, Arabic presentation forms and the radicals that some producers write for characters. Full-width punctuation stays. */
const PRESENTATION_FORMS = /[\ufb00-\ufb17\u2e80-\u2fdf\uf900-\ufaff\ufb50-\ufdff\ufe70-\ufefc]/g;
const SPACES = /[ \t\u00a0\u2000-\u200a\u202f\u205f\u3000]+/g;
/** What no reader sees, and what no database takes: NUL, controls, zero-width marks, halves of surrogate pairs. */
const INVISIBLE = /[^\P{Cc}\n]|[\u200b\u2060\ufeff]|\p{Cs}/gu;
const HYPHEN_AT_LINE_END = /(\p{Script=Latin})[\-\u00ad\u2010]\n+(?=[\p{Script=Latin}&&\p{Ll}])/gv;
const SYMBOL_BULLET = /\uf0b7/g;

/** The text as it is kept: readable, searchable and fit for PostgreSQL. Words that a line end had cut in two are whole again. */
export function cleanText(text: string): string {
  return text
    .replace(PRESENTATION_FORMS, (form) => form.normalize('NFKC'))
    .normalize('NFC')
    .replace(SYMBOL_BULLET, '•')
    .replace(SPACES, ' ')
    .replace(INVISIBLE, '')
    .replace(HYPHEN_AT_LINE_END, '$1')
    .replaceAll('\u00ad', '')
    .replace(/ *\n */g, '\n')
    .replace(/\n{3,}/g, '\n\n')
    .trim();
}
