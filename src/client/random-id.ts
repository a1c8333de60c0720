interface Randomness {
  readonly randomUUID?: () => string;
  readonly getRandomValues?: (bytes: Uint8Array) => Uint8Array;
}

/**
 * A UUID of version 4. `crypto.randomUUID` is missing on pages that came over plain HTTP, and in React Native often all of `crypto`: an
 * id only has to be one that this user has not used before, so `Math.random` does where there is nothing better.
 */
export function randomId(source: Randomness = (globalThis as { readonly crypto?: Randomness }).crypto ?? {}): string {
  if (source.randomUUID) return source.randomUUID();
  const bytes = randomBytes(source);
  bytes[6] = (Number(bytes[6]) & 0x0f) | 0x40;
  bytes[8] = (Number(bytes[8]) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

function randomBytes(source: Randomness): Uint8Array {
  const bytes = new Uint8Array(16);
  if (source.getRandomValues) return source.getRandomValues(bytes);
  return bytes.map(() => Math.floor(Math.random() * 256));
}
