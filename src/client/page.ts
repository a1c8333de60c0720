/** A page of a list; the next one begins at the `next_cursor` of this one. */
export interface PageOptions {
  readonly limit?: number;
  readonly cursor?: string;
}

/** Without `URLSearchParams`, which React Native does not have whole. */
export function toQuery(fields: Readonly<Record<string, string | number | undefined>>): string {
  const given = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : `${name}=${encodeURIComponent(value)}`));
  return given.length === 0 ? '' : `?${given.join('&')}`;
}

export function pageQuery({ limit, cursor }: PageOptions): string {
  return toQuery({ limit, cursor });
}
