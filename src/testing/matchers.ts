import type { ModelCall } from '../llm/offline/index.js';
import { abortListenersOf, describeListeners } from './abort-listeners.js';
import { nameCall } from './describe-call.js';
import type { Disconnect } from './disconnect.js';
import { describeWork, findWorkAfter, type NoWorkOptions } from './expect-no-work-after.js';

/** What a matcher of jest, or of a runner that speaks its protocol, answers. */
export interface MatcherResult {
  readonly pass: boolean;
  message(): string;
}

/** For `expect.extend(hangupMatchers)`. `@hangup/testing/jest` does that, and declares the types. */
export const hangupMatchers = {
  /** The model server saw the client of this call go before it was answered. */
  toHaveBeenCut(call: unknown): MatcherResult {
    if (!isModelCall(call)) throw new TypeError('toHaveBeenCut() looks at a call of the model server.');
    const { outcome, chunksSent } = call;
    const state = outcome === undefined ? `is still running, ${chunksSent} chunks sent` : `ended: ${outcome}, ${chunksSent} chunks sent`;
    return {
      pass: outcome === 'client_closed',
      message: () =>
        `Expected ${nameCall(call)} ${outcome === 'client_closed' ? 'not ' : ''}to have been closed by its client. It ${state}.`,
    };
  },

  /** As `expectNoWorkAfter`. */
  async toHaveStoppedAllWork(disconnect: unknown, options?: NoWorkOptions): Promise<MatcherResult> {
    if (!isDisconnect(disconnect)) throw new TypeError('toHaveStoppedAllWork() looks at what `disconnectAt` resolves with.');
    const faults = await findWorkAfter(disconnect, options);
    const stopped = `The client hung up (${disconnect.stage}), and all work stopped.`;
    return { pass: faults.length === 0, message: () => (faults.length === 0 ? stopped : describeWork(disconnect, faults)) };
  },

  /** As `expectNoAbortListeners`. */
  toHaveNoAbortListeners(signal: unknown): MatcherResult {
    if (!isSignal(signal)) throw new TypeError('toHaveNoAbortListeners() looks at an AbortSignal.');
    const left = abortListenersOf(signal);
    return { pass: left.length === 0, message: () => (left.length === 0 ? 'Nobody listens to the signal.' : describeListeners(left)) };
  },
};

// By their looks: what is looked at may come from another realm, or another copy of this package.
function isModelCall(value: unknown): value is ModelCall {
  return has(value, 'chunksSent') && has(value, 'purpose');
}

function isDisconnect(value: unknown): value is Disconnect {
  return has(value, 'inFlight') && has(value, 'callsAfter');
}

function isSignal(value: unknown): value is AbortSignal {
  return has(value, 'aborted') && value instanceof EventTarget;
}

function has(value: unknown, key: string): value is object {
  return typeof value === 'object' && value !== null && key in value;
}
