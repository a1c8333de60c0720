import { Server as NetServer } from 'node:net';
import { performance } from 'node:perf_hooks';
import { Inject, Injectable, Logger, type BeforeApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { deriveSignal } from './abort/index.js';
import { OpenRequests } from './app.requests.js';
import { APP_CONFIG, type AppConfig } from './config/index.js';
import { LiveTasks, Tasks } from './tasks/index.js';

/** What answers may take to get out, after the last task has ended. */
const LAST_WORDS_MS = 2000;

/**
 * How the process leaves. It takes no more work, gives what is under way `DRAIN_TIMEOUT_MS` to finish, and aborts the rest. Until then
 * the server listens as before: cancels, reads and probes are answered, leases are renewed. With the last task it ceases to listen, and
 * sees every answer out. Only then does Nest close the server, and after it what the work stood on: models, leases, bus, database.
 */
@Injectable()
export class Drain implements BeforeApplicationShutdown {
  readonly #logger = new Logger('Drain');
  readonly #timeoutMs: number;
  readonly #longestEndMs: number;

  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    private readonly tasks: Tasks,
    private readonly live: LiveTasks,
    private readonly requests: OpenRequests,
    private readonly adapterHost: HttpAdapterHost,
  ) {
    const { zombieAfterMs, shieldTimeoutMs } = config.abort;
    this.#timeoutMs = config.tasks.drainTimeoutMs;
    // A layer that ignores its signal is let go, then the end is written in one shield, within which the calls are booked in theirs.
    this.#longestEndMs = zombieAfterMs + 2 * shieldTimeoutMs;
  }

  get isUnderWay(): boolean {
    return this.tasks.isDraining;
  }

  async beforeApplicationShutdown(): Promise<void> {
    const startedAt = performance.now();
    const counts = { tasks: this.live.all().length, requests: this.requests.count };
    const told = `${counts.tasks} tasks and ${counts.requests} requests have ${this.#timeoutMs} ms to finish`;
    this.#logger.log({ msg: `[Drain] Taking no more work: ${told}`, ...counts, timeout_ms: this.#timeoutMs });
    await this.#tasks();
    this.#ceaseToListen();
    const leftMs = this.#timeoutMs - (performance.now() - startedAt);
    await isOverWithin(Math.max(leftMs, LAST_WORDS_MS), this.requests.ended());
    this.#tellEnd(Math.round(performance.now() - startedAt));
  }

  async #tasks(): Promise<void> {
    using time = deriveSignal([], { timeoutMs: this.#timeoutMs });
    time.signal.addEventListener('abort', () => this.#tellTimeIsUp(), { once: true });
    await isOverWithin(this.#timeoutMs + this.#longestEndMs, this.tasks.drain(time.signal));
  }

  /**
   * A client that is refused a connection knows that nothing has begun, and asks elsewhere. Not with the server's own `close()`: that
   * one takes a connection for idle whose answer has been given but not yet sent, and cuts it.
   */
  #ceaseToListen(): void {
    NetServer.prototype.close.call(this.adapterHost.httpAdapter.getHttpServer() as NetServer);
  }

  #tellTimeIsUp(): void {
    const { length } = this.live.all();
    this.#logger.log({ msg: `[Drain] Time is up, aborting ${length} tasks`, tasks: length });
  }

  #tellEnd(ms: number): void {
    const tasks = this.live.all().map(({ claim }) => claim.id);
    const requests = this.requests.count;
    if (tasks.length === 0 && requests === 0) this.#logger.log({ msg: `[Drain] Done after ${ms} ms`, ms });
    else this.#logger.warn({ msg: `[Drain] Leaving after ${ms} ms with ${tasks.length} tasks and ${requests} requests cut`, ms, tasks });
  }
}

interface Reply {
  header(name: string, value: string): unknown;
}

/** An answer of a server that leaves closes its connection, so that the client's next request goes elsewhere. */
export function closeWhileDraining(drain: Drain): (request: unknown, reply: Reply, done: () => void) => void {
  return (_, reply, done) => {
    if (drain.isUnderWay) reply.header('Connection', 'close');
    done();
  };
}

/** Whether the work was over in time. Leaves no timer. */
async function isOverWithin(ms: number, work: Promise<void>): Promise<boolean> {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => resolve(false), ms);
  const over = (): void => resolve(true);
  work.then(over, over);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
  }
}
