import type { Receipt } from '../tasks/index.js';

/** Something that happened, in milliseconds from the cut. */
export interface Happening {
  readonly ms: number;
  readonly who: string;
  readonly what: string;
}

export interface Moments {
  readonly cutAt: number;
  readonly serverSawAt: number;
  readonly modelSawAt: number;
  readonly receipt: Receipt;
}

/** Everything that followed the cut, in order. The receipt's times count from when the server saw it. */
export function timelineOf({ cutAt, serverSawAt, modelSawAt, receipt }: Moments): Happening[] {
  const sawMs = serverSawAt - cutAt;
  return [
    { ms: 0, who: 'client', what: 'cuts its socket' },
    { ms: sawMs, who: 'server', what: 'sees the response close, unfinished' },
    { ms: modelSawAt - cutAt, who: 'model server', what: 'sees its socket close, and stops writing' },
    ...receipt.layers.flatMap((layer) => happeningsOf(layer, sawMs)),
  ].sort((a, b) => a.ms - b.ms);
}

function happeningsOf({ layer, operation, told_ms, stopped_ms }: Receipt['layers'][number], sawMs: number): Happening[] {
  const told = { ms: sawMs + told_ms, who: layer, what: `told to stop: ${operation}` };
  return stopped_ms === null ? [told] : [told, { ms: sawMs + stopped_ms, who: layer, what: 'has stopped' }];
}
