import { AsyncLocalStorage } from 'node:async_hooks';
import type { AbortScope } from './abort-scope.js';

/** What the ambient context carries: whose work this is, and where in it we are. */
export interface AbortFrame {
  readonly scope: AbortScope;
  readonly stage?: string;
  /** `shield` and `detached` work is beyond the abort of whoever started it. */
  readonly kind: 'live' | 'shield' | 'detached';
  /** Why detached work may run outside any request or task. */
  readonly why?: string;
}

export const abortStorage = new AsyncLocalStorage<AbortFrame>();
