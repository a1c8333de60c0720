import { randomUUID } from 'node:crypto';
import { Injectable, Logger } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import { CancelBus } from './bus/index.js';
import { GracesRepository } from './graces.repository.js';
import { LiveTasks } from './live-tasks.js';
import type { TaskKey, TaskRow } from './task.js';

/** Whoever works on a task is told so often that somebody waits here too, and believes it for so long. */
const TELL_EVERY_MS = 1000;
const TOLD_FOR_MS = 3000;
/** A grace may be shorter than what is worth a statement: each says for how long it counts. */
const TELL_AT_MOST_EVERY_MS = 100;

/** What a waiting client is to a task: `end` lets go of it without consequence, which the client's signal does not. */
export interface Attachment {
  end(): void;
}

/** Clients that wait for a task: it does not stop for want of one while they do, on whichever instance they are. */
@Injectable()
export class Attachments {
  readonly #logger = new Logger('Tasks');

  constructor(
    private readonly context: AbortContext,
    private readonly bus: CancelBus,
    private readonly live: LiveTasks,
    private readonly graces: GracesRepository,
  ) {}

  /** From now on the task is waited for here, until `end` is called or `signal` aborts: then its disconnect policy decides. */
  attach(row: TaskRow, signal: AbortSignal): Attachment {
    const here = this.live.find(row);
    // Before it is written it may be a request that will turn out to ask for a task of another instance.
    return here?.isWritten ? { end: here.attach(signal) } : this.#elsewhere(row, signal);
  }

  #elsewhere(row: TaskRow, signal: AbortSignal): Attachment {
    const waiter = randomUUID();
    const everyMs = Math.max(TELL_AT_MOST_EVERY_MS, Math.min(TELL_EVERY_MS, (row.grace_ms ?? Infinity) / 3));
    let hasEnded = false;
    const stay = (): void => void this.#stay(row, waiter, everyMs);
    const end = (): void => {
      if (hasEnded) return;
      hasEnded = true;
      clearInterval(timer);
      signal.removeEventListener('abort', end);
      void this.#leave(row, waiter);
    };
    const timer = setInterval(stay, everyMs);
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    else stay();
    return { end };
  }

  async #stay(row: TaskRow, waiter: string, everyMs: number): Promise<void> {
    await this.#tell(row, waiter, TOLD_FOR_MS);
    await this.#write(row, () => this.graces.renew(row, 2 * everyMs));
  }

  async #leave(row: TaskRow, waiter: string): Promise<void> {
    await this.#tell(row, waiter, 0);
    await this.#write(row, () => this.graces.leave(row));
  }

  async #tell({ owner, id }: TaskKey, waiter: string, forMs: number): Promise<void> {
    await this.bus.publish({ type: 'attached', owner, taskId: id, waiter, forMs });
  }

  /** The client may be gone by then, and what it leaves behind is written all the same. */
  async #write({ id, on_disconnect }: TaskRow, write: () => Promise<void>): Promise<void> {
    if (on_disconnect !== 'grace') return;
    try {
      await this.context.detached('a client that waits on another instance', write);
    } catch (error) {
      this.#logger.warn({ err: error, msg: `[Tasks] Who waits for task ${id} could not be written`, task_id: id });
    }
  }
}
