import {
  CancelledError,
  ClientDisconnectedError,
  DeadlineExceededError,
  LeaseLostError,
  type AbortReason,
  type AbortReport,
} from '../abort/index.js';
import type { CancelIntent, Receipt } from './task.js';

/** A hundredth of a millisecond is more than any of these clocks is good for. */
function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}

/** What a stopped task says of itself. `stopped_at` is the present moment, unless something runs on. */
export function toReceipt({ stage, layers, zombies }: AbortReport, callsAvoided: number): Receipt {
  return {
    stopped_at: zombies.length > 0 ? null : new Date().toISOString(),
    stage: stage ?? null,
    layers: layers.map(({ layer, operation, toldMs, stoppedMs }) => ({
      layer,
      operation,
      told_ms: rounded(toldMs),
      stopped_ms: stoppedMs === null ? null : rounded(stoppedMs),
    })),
    calls_avoided: callsAvoided,
    zombies: [...zombies],
    confirmed: true,
  };
}

/** The intent behind an abort that began on this instance. */
export function toIntent(reason: AbortReason): CancelIntent {
  const { by, reason: words } = reason instanceof CancelledError ? reason.details : {};
  return {
    cause: reason.abortCause,
    requested_at: new Date().toISOString(),
    ...(by !== undefined && { by }),
    ...(words !== undefined && { reason: words }),
  };
}

/** To whoever sends the request of such a task again: another try under this id would hear the same. */
const LEFT = 'The server that worked on this task left before it was done. Ask again under a new id.';

const HUNG_UP = 'The client that had asked for this task disconnected.';

/** The reason that a scope is aborted with, or that its task is answered with, for an intent that was read from the database. */
export function toReason({ cause, by, reason }: CancelIntent): AbortReason {
  if (cause === 'deadline') return new DeadlineExceededError();
  if (cause === 'drain') return new CancelledError('user', { reason: LEFT });
  if (cause === 'lease_lost') return new LeaseLostError();
  if (cause === 'client_disconnect') return new CancelledError('user', { reason: reason ?? HUNG_UP });
  return new CancelledError(cause, { by, reason });
}

/** The same for a task that is worked on here, and that has a client of its own to miss. */
export function toLiveReason(intent: CancelIntent): AbortReason {
  return intent.cause === 'client_disconnect' ? new ClientDisconnectedError(intent.reason) : toReason(intent);
}
