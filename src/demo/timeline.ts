import type { AbortReport, LayerReport } from '../abort/index.js';

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
  readonly report: AbortReport;
}

/** Everything that followed the cut, in order. The receipt's times count from when the server saw it. */
export function timelineOf({ cutAt, serverSawAt, modelSawAt, report }: Moments): Happening[] {
  const sawMs = serverSawAt - cutAt;
  return [
    { ms: 0, who: 'client', what: 'cuts its socket' },
    { ms: sawMs, who: 'server', what: 'sees the response close, unfinished' },
    { ms: modelSawAt - cutAt, who: 'model server', what: 'sees its socket close, and stops writing' },
    ...report.layers.flatMap((layer) => happeningsOf(layer, sawMs)),
  ].sort((a, b) => a.ms - b.ms);
}

function happeningsOf({ layer, operation, toldMs, stoppedMs }: LayerReport, sawMs: number): Happening[] {
  const told = { ms: sawMs + toldMs, who: layer, what: `told to stop: ${operation}` };
  return stoppedMs === null ? [told] : [told, { ms: sawMs + stoppedMs, who: layer, what: 'has stopped' }];
}
