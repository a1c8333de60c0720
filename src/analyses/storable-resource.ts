import { isStorableText, NOT_STORABLE, type FieldError } from '../problems/index.js';
import type { Resource } from './resources.dto.js';

const LARGEST_BYTES = 16_384;
const DEEPEST = 32;

/** What keeps a resource out of the database: its size, how deep it is nested, or a text in it. `pointer` is where it stands. */
export function flawOf(resource: Resource, pointer: string): FieldError | undefined {
  return unstorable(resource, pointer, 0) ?? tooLarge(resource, pointer);
}

function tooLarge(resource: Resource, pointer: string): FieldError | undefined {
  const bytes = Buffer.byteLength(JSON.stringify(resource));
  return bytes > LARGEST_BYTES ? { pointer, detail: `must be at most ${LARGEST_BYTES} bytes of JSON, and is ${bytes}` } : undefined;
}

/** The first flaw in a JSON value. Neither JavaScript nor PostgreSQL writes a value that is nested without end. */
function unstorable(value: unknown, pointer: string, depth: number): FieldError | undefined {
  if (typeof value === 'string') return isStorableText(value) ? undefined : { pointer, detail: NOT_STORABLE };
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth >= DEEPEST) return { pointer, detail: `is nested deeper than ${DEEPEST} levels` };
  for (const [name, inner] of Object.entries(value)) {
    // Of a name that nothing can hold there is no pointer either.
    if (!isStorableText(name)) return { pointer, detail: `has a field whose name ${NOT_STORABLE}` };
    const flaw = unstorable(inner, `${pointer}/${escaped(name)}`, depth + 1);
    if (flaw) return flaw;
  }
  return undefined;
}

/** As JSON pointers have it (RFC 6901). */
function escaped(name: string): string {
  return name.replaceAll('~', '~0').replaceAll('/', '~1');
}
