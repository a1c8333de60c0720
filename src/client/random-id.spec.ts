import { webcrypto } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { randomId } from './random-id.js';

const SOURCES = {
  'a page that came over TLS': webcrypto,
  'a page that came over plain HTTP': { getRandomValues: (bytes: Uint8Array) => webcrypto.getRandomValues(bytes) },
  'a platform without crypto': {},
};

describe.each(Object.entries(SOURCES))('an id made on %s', (_, source) => {
  it('is a UUID of version 4, and another each time', () => {
    const ids = Array.from({ length: 200 }, () => randomId(source as never));
    for (const id of ids) expect(id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/);
    expect(new Set(ids).size).toBe(200);
  });
});
