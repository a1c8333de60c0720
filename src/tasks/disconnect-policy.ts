/**
 * What becomes of a task whose client has gone. `cancel`: it stops at once. `continue`: it goes on, and is fetched later. `grace`: it
 * goes on for so many milliseconds, and stops then unless somebody has come back.
 */
export type DisconnectPolicy =
  { readonly type: 'cancel' } | { readonly type: 'continue' } | { readonly type: 'grace'; readonly ms: number };

export const CANCEL: DisconnectPolicy = { type: 'cancel' };

const LONGEST_GRACE_MS = 600_000;
const GRACE = /^grace=(\d{1,6})$/;

/** Reads `cancel`, `continue` or `grace=MS`; `undefined` for anything else. */
export function parseDisconnectPolicy(text: string): DisconnectPolicy | undefined {
  if (text === 'cancel' || text === 'continue') return { type: text };
  const ms = Number(GRACE.exec(text)?.[1] ?? 0);
  return ms > 0 && ms <= LONGEST_GRACE_MS ? { type: 'grace', ms } : undefined;
}
