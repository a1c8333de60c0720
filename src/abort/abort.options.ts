/** Options of `AbortModule.forRoot` and `forRootAsync`. */
export interface AbortOptions {
  /** A layer that still runs so many milliseconds after its abort is named a zombie, and its caller is let go. Default 5000. */
  readonly zombieAfterMs: number;
  /** How long a shield may run when it names no time of its own, in milliseconds. Default 5000. */
  readonly shieldTimeoutMs: number;
  /** `false` lets requests go on when their client leaves: the baseline that the savings are measured against. Default `true`. */
  readonly abortOnDisconnect: boolean;
  /**
   * A client that vanished without a word is noticed within so many milliseconds, if an event stream is silent for a third of that at
   * most, and its connection cut; so is that of one that reads nothing for half of that while something waits for it. From 3000 on:
   * TCP keep-alive counts in seconds. Default: not watched, which leaves it to the system, for hours.
   */
  readonly vanishedAfterMs?: number;
}

export const ABORT_DEFAULTS: AbortOptions = { zombieAfterMs: 5000, shieldTimeoutMs: 5000, abortOnDisconnect: true };

export const ABORT_OPTIONS = Symbol('AbortOptions');

/**
 * Where the scope of a request is opened. `request`: as the platform hands the request to Nest, which costs next to nothing and
 * covers guards and pipes; on Fastify and Express. `interceptor`: in a global interceptor, on any platform, at the price that Nest
 * charges for having one. Given beside the options, not made by their factory. Default `request`.
 */
export type AbortEntryPoint = 'request' | 'interceptor';

export const ABORT_ENTRY = Symbol('AbortEntryPoint');
