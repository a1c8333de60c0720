import { monitorEventLoopDelay } from 'node:perf_hooks';

const delays = monitorEventLoopDelay({ resolution: 1 });

/** Part of the api of a child: how long its event loop stands still. */
export const eventLoop = {
  watch(): void {
    delays.reset();
    delays.enable();
  },
  /** Milliseconds of the longest time since `watch` in which nothing else ran. */
  longestBlock(): number {
    delays.disable();
    return delays.max / 1e6;
  },
};
export type EventLoop = typeof eventLoop;
