import { z } from 'zod';
import { DomainError } from './domain-error.js';

/** Where a page of a list that goes from the newest to the oldest ended. */
export interface Cursor {
  readonly createdAt: string;
  readonly id: string;
}

export function encodeCursor({ created_at, id }: { readonly created_at: string; readonly id: string }): string {
  return Buffer.from(`${created_at} ${id}`).toString('base64url');
}

/** As `encodeCursor` writes it. The year 0 is a date to everybody but PostgreSQL. */
const position = z.tuple([z.iso.datetime({ precision: 3 }).regex(/^(?!0000)/), z.uuid()]);

/** Throws `validation_failed` for what `encodeCursor` has not written. */
export function decodeCursor(cursor: string): Cursor {
  const decoded = position.safeParse(Buffer.from(cursor, 'base64url').toString().split(' '));
  if (decoded.success) return { createdAt: decoded.data[0], id: decoded.data[1] };
  throw noCursor();
}

/** For a list whose rows are numbered: where a page of it ended. */
export function encodeOrdinalCursor(ordinal: number): string {
  return Buffer.from(`#${ordinal}`).toString('base64url');
}

/** Throws `validation_failed` for what `encodeOrdinalCursor` has not written. */
export function decodeOrdinalCursor(cursor: string): number {
  const [, ordinal] = /^#(\d{1,9})$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (ordinal === undefined) throw noCursor();
  return Number(ordinal);
}

function noCursor(): DomainError {
  const detail = 'is not a cursor of this list';
  return new DomainError('validation_failed', `/query/cursor: ${detail}`, { errors: [{ pointer: '/query/cursor', detail }] });
}
