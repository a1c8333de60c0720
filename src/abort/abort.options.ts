/** Options of `AbortModule.forRoot` and `forRootAsync`. */
export interface AbortOptions {
  /** A layer that still runs so many milliseconds after its abort is named a zombie, and its caller is let go. Default 5000. */
  readonly zombieAfterMs: number;
  /** How long a shield may run when it names no time of its own, in milliseconds. Default 5000. */
  readonly shieldTimeoutMs: number;
  /** `false` lets requests go on when their client leaves: the baseline that the savings are measured against. Default `true`. */
  readonly abortOnDisconnect: boolean;
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
