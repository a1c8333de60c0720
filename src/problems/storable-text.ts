import { z } from 'zod';

/** A text that the database takes: PostgreSQL holds no NUL in a text, and no half of a surrogate pair in a JSON document. */
export const storableText = z
  .string()
  .refine((text) => !text.includes('\0') && text.isWellFormed(), 'must not contain NUL or half a surrogate pair');

/** What of a text the database takes: for words that are not a client's, and so cannot be sent back. */
export function toStorableText(text: string): string {
  return text.replaceAll('\0', '').toWellFormed();
}
