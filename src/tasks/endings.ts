import { performance } from 'node:perf_hooks';
import { Injectable, type OnModuleInit } from '@nestjs/common';
import { AbortContext, CancelledError, deriveSignal, wait } from '../abort/index.js';
import { CancelBus } from './bus/index.js';
import { isTerminal, type TaskState } from './task-state.js';
import type { TaskKey, TaskRow } from './task.js';

/** The bus may lose an end: the row is read again so often at the least. */
const REREAD_MS = 250;

type Waiter = () => void;

/** Waits for tasks to end, on whichever instance: woken by the bus, and by the row where the bus was silent. */
@Injectable()
export class Endings implements OnModuleInit {
  readonly #waiters = new Map<string, Set<Waiter>>();

  constructor(
    private readonly bus: CancelBus,
    private readonly context: AbortContext,
  ) {}

  onModuleInit(): void {
    this.bus.subscribe((message) => {
      if (message.type === 'ended') this.#wake({ owner: message.owner, id: message.taskId });
    });
  }

  /**
   * Reads until the task has ended, for at most `waitMs`; returns the row as it was read last. Aborts with the ambient signal's reason.
   */
  async until(key: TaskKey, read: () => Promise<TaskRow | undefined>, waitMs = Infinity): Promise<TaskRow | undefined> {
    const deadline = performance.now() + waitMs;
    for (;;) {
      const woken = this.#listen(key);
      try {
        const row = await read();
        const left = deadline - performance.now();
        if (!row || isTerminal(row.state as TaskState) || left <= 0) return row;
        await this.#pause(woken.promise, Math.min(left, REREAD_MS));
      } finally {
        woken.leave();
      }
    }
  }

  /** Ends with the ambient signal's reason, at the latest after `ms`. */
  async #pause(woken: Promise<unknown>, ms: number): Promise<void> {
    using either = deriveSignal([this.context.signal]);
    const timer = wait(ms, either.signal);
    timer.catch(() => undefined);
    try {
      await Promise.race([woken, timer]);
    } finally {
      either.abort(new CancelledError('superseded'));
    }
  }

  #listen(key: TaskKey): { promise: Promise<unknown>; leave: () => void } {
    const name = `${key.id} ${key.owner}`;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const wake = (): void => resolve(undefined);
    const waiters = this.#waiters.get(name) ?? new Set();
    this.#waiters.set(name, waiters.add(wake));
    const leave = (): void => {
      waiters.delete(wake);
      if (waiters.size === 0) this.#waiters.delete(name);
    };
    return { promise, leave };
  }

  #wake({ owner, id }: TaskKey): void {
    for (const resolve of this.#waiters.get(`${id} ${owner}`) ?? []) resolve();
  }
}
