const MOST = 10;

/** The items of a list that may be long, each that is there several times once: `onAbort (3), stop`. */
export function describeList(items: readonly string[], separator = ', '): string {
  const tally = new Map<string, number>();
  for (const item of items) tally.set(item, (tally.get(item) ?? 0) + 1);
  const shown = [...tally].slice(0, MOST).map(([item, count]) => (count === 1 ? item : `${item} (${count})`));
  const more = tally.size - shown.length;
  return shown.join(separator) + (more > 0 ? `${separator}and ${more} more` : '');
}
