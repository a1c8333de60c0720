import {
  CancelledError,
  ClientDisconnectedError,
  DeadlineExceededError,
  LeaseLostError,
  type AbortReason,
  type AbortReport,
  type ProblemExtensions,
} from '../abort/index.js';
import type { CancelIntent, Receipt, TaskRow } from './task.js';

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
  const timeoutMs = reason instanceof DeadlineExceededError ? reason.timeoutMs : undefined;
  return {
    cause: reason.abortCause,
    requested_at: new Date().toISOString(),
    ...(by !== undefined && { by }),
    ...(words !== undefined && { reason: words }),
    ...(timeoutMs !== undefined && { timeout_ms: timeoutMs }),
  };
}

/** To whoever sends the request of such a task again: another try under this id would hear the same. */
const LEFT = 'The server that worked on this task left before it was done. Ask again under a new id.';

const HUNG_UP = 'The client that had asked for this task disconnected.';

/** The reason that a scope is aborted with, or that its task is answered with, for an intent that was read from the database. */
export function toReason({ cause, by, reason, timeout_ms }: CancelIntent): AbortReason {
  if (cause === 'deadline') return new DeadlineExceededError(timeout_ms);
  if (cause === 'drain') return new CancelledError('user', { reason: LEFT });
  if (cause === 'lease_lost') return new LeaseLostError();
  if (cause === 'client_disconnect') return new CancelledError('user', { reason: reason ?? HUNG_UP });
  return new CancelledError(cause, { by, reason });
}

/** The same for a task that is worked on here, and that has a client of its own to miss. */
export function toLiveReason(intent: CancelIntent): AbortReason {
  return intent.cause === 'client_disconnect' ? new ClientDisconnectedError(intent.reason) : toReason(intent);
}

/** The reason that a stopped task is answered with, to whoever asks for its answer later: with its receipt, as it was the first time. */
export function reasonOf(row: TaskRow): AbortReason {
  const reason = toReason(row.cancel as CancelIntent);
  reason.extensions = extensionsOf(row);
  return reason;
}

/** What goes out with the problem that answers a stopped task. */
export function extensionsOf({ id, receipt }: TaskRow): ProblemExtensions {
  return { task_id: id, ...(receipt !== null && { receipt }) };
}
