import { z } from 'zod';

/** Whether the database takes a text: PostgreSQL holds no NUL in one, and no half of a surrogate pair in a JSON document. */
export function isStorableText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}

export const NOT_STORABLE = 'must not contain NUL or half a surrogate pair';

/** A text that the database takes. */
export const storableText = z.string().refine(isStorableText, NOT_STORABLE);

/** What of a text the database takes: for words that are not a client's, and so cannot be sent back. */
export function toStorableText(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}
