import { expect } from '@jest/globals';
import type { NoWorkOptions } from './expect-no-work-after.js';
import { hangupMatchers } from './matchers.js';

expect.extend(hangupMatchers);

/** What `import '@hangup/testing/jest'` adds to `expect`. */
interface HangupMatchers<R> {
  /** The model server saw the client of this call go before it was answered. */
  toHaveBeenCut(): R;
  /** Work that was asked for by the client of this disconnect has stopped, and none began: see `expectNoWorkAfter`. To be awaited. */
  toHaveStoppedAllWork(options?: NoWorkOptions): Promise<void>;
  /** Nobody listens for the abort of this signal. */
  toHaveNoAbortListeners(): R;
}

/** `expect` of `@jest/globals`. */
declare module 'expect' {
  // eslint-disable-next-line @typescript-eslint/no-unused-vars, @typescript-eslint/no-empty-object-type
  interface Matchers<R extends void | Promise<void>, T = unknown> extends HangupMatchers<R> {}
}

/** The global `expect` of `@types/jest`. */
declare global {
  // eslint-disable-next-line @typescript-eslint/no-namespace
  namespace jest {
    // eslint-disable-next-line @typescript-eslint/no-unused-vars, @typescript-eslint/no-empty-object-type
    interface Matchers<R, T = {}> extends HangupMatchers<R> {}
  }
}
