import { performance } from 'node:perf_hooks';
import type { AbortFrame } from '../abort/index.js';
import type { Gateway } from './abortable-pool.js';

/** Stands where a connection would, for work that was aborted before it got one. */
export class AbortedClient {
  constructor(
    private readonly frame: AbortFrame,
    private readonly gateway: Gateway,
  ) {}

  query(sql: string): Promise<never> {
    return Promise.reject(skipped(sql, this.frame, this.gateway));
  }

  release(): void {
    // No connection was taken, so none goes back.
  }
}

/** Says of a statement that it is not sent, because its scope has aborted. Returns the reason. */
export function skipped(sql: string, frame: AbortFrame, { context, observer }: Gateway): unknown {
  const { scope, stage, kind } = frame;
  const now = performance.now();
  observer.observe({ sql, scopeId: scope.id, stage, kind, startedAt: now, endedAt: now, outcome: 'skipped', isConfirmed: false });
  context.announce('skipping query', undefined, frame);
  return scope.signal.reason;
}
