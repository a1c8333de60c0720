import { createHash } from 'node:crypto';

/** Tells whether two requests ask for the same. Of a body that a schema has read, so that spelling and order of fields do not count. */
export function hashOf(input: unknown): string {
  return createHash('sha256').update(JSON.stringify(input)).digest('base64url');
}
