import { Gate } from '../../src/testing/index.js';
import type { Item } from '../../src/tasks/index.js';
import type { SmallJobs } from './small-jobs.js';

/** Items of small jobs that are held, and which of them have been begun. */
export interface HeldItems {
  readonly gate: Gate;
  readonly begun: readonly Item[];
}

/** Holds every item from the `n`th on, until it is told to stop or the gate opens. */
export function holdFrom(jobs: SmallJobs, n: number): HeldItems {
  const gate = new Gate();
  const begun: Item[] = [];
  jobs.work = async (item, { scope }) => {
    begun.push(item);
    if (item.ordinal >= n) await Promise.race([gate.wait(), whenTold(scope.signal)]);
    return item.name;
  };
  return { gate, begun };
}

/** Rejects with the reason once the work is told to stop. */
function whenTold(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
}
