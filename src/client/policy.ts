/** What becomes of a task when its client has gone without a word: `X-On-Disconnect`. */
export type OnDisconnect = 'cancel' | 'continue' | `grace=${number}`;

/** A stream outlives a tunnel and a change of networks, and a page that was closed costs no more than this. */
export const STREAM_DEFAULT: OnDisconnect = 'grace=15000';
/** Nobody sees how far a JSON answer has come, so that there is little to come back to. */
export const JSON_DEFAULT: OnDisconnect = 'cancel';

const SHORT_MS = 5000;
const LONG_MS = 60_000;

/** For how long it makes sense to try and reach a server that has gone: as long as it keeps the task, within reason. */
export function windowOf(policy: OnDisconnect): number {
  if (policy === 'cancel') return SHORT_MS;
  return policy === 'continue' ? LONG_MS : Number(policy.slice('grace='.length));
}
