import { Inject, Injectable, Optional } from '@nestjs/common';
import { AbortContext } from './abort.context.js';
import { ABORT_DEFAULTS, ABORT_OPTIONS, type AbortOptions } from './abort.options.js';
import { neverAborts } from './abort-scope.js';
import type { AbortFrame } from './abort-storage.js';
import { AbortStats } from './abort.stats.js';
import { RequestDisconnect, type RawRequest, type RawResponse } from './request-disconnect.js';

/** Makes the frame of a request. Its signal is made when something first looks at it. */
@Injectable()
export class RequestScope {
  readonly #context: AbortContext;
  readonly #stats: AbortStats;
  readonly #abortOnDisconnect: boolean;

  constructor(
    context: AbortContext,
    @Optional() @Inject(ABORT_OPTIONS) options: Partial<AbortOptions> = {},
    @Optional() @Inject(AbortStats) stats: AbortStats = new AbortStats(),
  ) {
    this.#context = context;
    this.#stats = stats;
    this.#abortOnDisconnect = options.abortOnDisconnect ?? ABORT_DEFAULTS.abortOnDisconnect;
  }

  open(request: RawRequest, response: RawResponse): AbortFrame {
    const source = this.#abortOnDisconnect ? new RequestDisconnect(request, response, this.#stats) : neverAborts;
    return { scope: this.#context.openScope(source), kind: 'live' };
  }
}
