import { randomUUID } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { decodeCursor, decodeOrdinalCursor, encodeCursor, encodeOrdinalCursor } from './cursor.js';

const NO_CURSOR = {
  code: 'validation_failed',
  details: { errors: [{ pointer: '/query/cursor', detail: 'is not a cursor of this list' }] },
};
const of = (text: string): string => Buffer.from(text).toString('base64url');

function refusalOf(decode: () => unknown): unknown {
  try {
    return decode();
  } catch (error) {
    return error;
  }
}

describe('the cursor of a list that goes from the newest to the oldest', () => {
  it('comes back as it went', () => {
    const [created_at, id] = ['2026-11-24T15:56:51.665Z', randomUUID()];
    expect(decodeCursor(encodeCursor({ created_at, id }))).toEqual({ createdAt: created_at, id });
  });

  it.each(['', 'x', encodeOrdinalCursor(1), of('2026-11-24T15:56:51.665Z'), of(`0000-11-24T15:56:51.665Z ${randomUUID()}`)])(
    'is no other text: %j',
    (cursor) => {
      expect(refusalOf(() => decodeCursor(cursor))).toMatchObject(NO_CURSOR);
    },
  );
});

describe('the cursor of a list whose rows are numbered', () => {
  it.each([1, 42, 999_999_999])('comes back as it went: %i', (ordinal) => {
    expect(decodeOrdinalCursor(encodeOrdinalCursor(ordinal))).toBe(ordinal);
  });

  it.each(['', 'x', of('1'), of('#'), of('#-1'), of('#1.5'), of('#1 '), of('#9999999999')])('is no other text: %j', (cursor) => {
    expect(refusalOf(() => decodeOrdinalCursor(cursor))).toMatchObject(NO_CURSOR);
  });
});
