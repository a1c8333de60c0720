import { Inject, Injectable, Optional } from '@nestjs/common';
import { AbortContext } from './abort.context.js';
import { ABORT_DEFAULTS, ABORT_OPTIONS, type AbortOptions } from './abort.options.js';
import { neverAborts, type AbortScope } from './abort-scope.js';
import type { AbortFrame } from './abort-storage.js';
import { AbortStats } from './abort.stats.js';
import { DisconnectTurns } from './disconnect-turns.js';
import { RequestDisconnect, type RawRequest, type RawResponse } from './request-disconnect.js';

/** The frame of a request. Its scope is made when something first looks for it: on most routes nothing ever does. */
class RequestFrame implements AbortFrame {
  readonly kind = 'live';
  #scope?: AbortScope;

  constructor(
    private readonly requests: RequestScope,
    private readonly request: RawRequest,
    private readonly response: RawResponse,
  ) {}

  get scope(): AbortScope {
    return (this.#scope ??= this.requests.open(this.request, this.response));
  }
}

/** Makes the scopes of requests. The signal of one is made when something first looks at it. */
@Injectable()
export class RequestScope {
  readonly #context: AbortContext;
  readonly #stats: AbortStats;
  readonly #turns: DisconnectTurns;
  readonly #abortOnDisconnect: boolean;

  constructor(
    context: AbortContext,
    @Optional() @Inject(ABORT_OPTIONS) options: Partial<AbortOptions> = {},
    @Optional() @Inject(AbortStats) stats: AbortStats = new AbortStats(),
    @Optional() @Inject(DisconnectTurns) turns = new DisconnectTurns(),
  ) {
    this.#turns = turns;
    this.#context = context;
    this.#stats = stats;
    this.#abortOnDisconnect = options.abortOnDisconnect ?? ABORT_DEFAULTS.abortOnDisconnect;
  }

  frameOf(request: RawRequest, response: RawResponse): AbortFrame {
    return new RequestFrame(this, request, response);
  }

  open(request: RawRequest, response: RawResponse): AbortScope {
    const source = this.#abortOnDisconnect ? new RequestDisconnect(request, response, this.#stats, this.#turns) : neverAborts;
    return this.#context.openScope(source);
  }
}
