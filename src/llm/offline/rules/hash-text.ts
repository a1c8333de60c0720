/** A 32-bit hash of a text (FNV-1a with a final mix, so that the low bits are as good as the high ones). */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The items in an order that looks random and depends on nothing but the seed and their keys. */
export function shuffle<T>(items: readonly T[], seed: number, keyOf: (item: T) => string): T[] {
  const ranked = items.map((item) => ({ item, rank: hashText(`${seed}:${keyOf(item)}`) }));
  return ranked.sort((a, b) => a.rank - b.rank).map(({ item }) => item);
}
