import { performance } from 'node:perf_hooks';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { AbortContext, LeaseLostError } from '../abort/index.js';
import { CancelBus, type BusMessage } from './bus/index.js';
import { LiveTasks, type LiveTask } from './live-tasks.js';
import { toLiveReason } from './receipt.js';
import { TaskNotices } from './task-notices.js';
import { TASK_SETTINGS, type TaskSettings } from './task-settings.js';
import type { CancelIntent, Claim, TaskRow } from './task.js';
import { GracesRepository } from './graces.repository.js';
import { LeasesRepository, type Beat, type Renewed } from './leases.repository.js';

/**
 * The heartbeat of this instance. It renews the leases of its tasks, looks for cancels that no push has brought, aborts what it can no
 * longer hold, and ends what instances that are gone have left behind. Goes on while the server drains.
 */
@Injectable()
export class Leases implements OnApplicationBootstrap, OnApplicationShutdown {
  readonly #logger = new Logger('Tasks');
  #timer?: NodeJS.Timeout;
  #beat?: Promise<void>;
  #renewedAt = performance.now();
  /** Until then what looks dead may only have been out of reach, as this instance was. */
  #reapsFrom = 0;
  #hasWarned = false;

  constructor(
    @Inject(TASK_SETTINGS) private readonly settings: TaskSettings,
    private readonly context: AbortContext,
    private readonly leases: LeasesRepository,
    private readonly live: LiveTasks,
    private readonly bus: CancelBus,
    private readonly notices: TaskNotices,
    private readonly graces: GracesRepository,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    this.bus.subscribe((message) => this.#hear(message));
    // What was published while the bus was down was heard by nobody.
    this.bus.onUp(() => void this.#beatAfresh());
    this.#timer = setInterval(() => this.#tick(), this.settings.heartbeatMs);
    await this.beat();
  }

  async onApplicationShutdown(): Promise<void> {
    clearInterval(this.#timer);
    await this.#beat;
  }

  #hear(message: BusMessage): void {
    const task = this.live.find({ owner: message.owner, id: message.taskId });
    if (message.type === 'attached') task?.awaitElsewhere(message.waiter, message.forMs);
    if (message.type !== 'cancel' || task?.claim.attempt !== message.attempt) return;
    const { cause, by, reason } = message;
    task.push(toLiveReason({ cause, by, reason, requested_at: '' }));
  }

  /** One heartbeat, now; joins the one under way. Never rejects: a database that is down is a warning, and then a lost lease. */
  async beat(): Promise<void> {
    await (this.#beat ??= this.#renewAndReap().finally(() => (this.#beat = undefined)));
  }

  /** One that is under way may have read the database before the bus came up. */
  async #beatAfresh(): Promise<void> {
    await this.#beat;
    await this.beat();
  }

  /** Leases run out also while a heartbeat hangs. */
  #tick(): void {
    for (const task of this.live.all()) task.look();
    void this.beat();
  }

  async #renewAndReap(): Promise<void> {
    try {
      await this.context.detached('heartbeat: leases, missed cancels, tasks of instances that are gone', async () => {
        await this.#renew();
        await this.#endGraces();
        if (performance.now() >= this.#reapsFrom) await this.#reap();
      });
      this.#hasWarned = false;
    } catch (error) {
      if (this.#hasWarned) return;
      this.#hasWarned = true;
      const msg = '[Tasks] The heartbeat did not reach the database: tasks here stop before their leases run out';
      this.#logger.warn({ err: error, msg });
    }
  }

  async #renew(): Promise<void> {
    const { leaseMs, instanceId } = this.settings;
    const sentAt = performance.now();
    const mine = this.live.all().filter(({ isWritten }) => isWritten);
    const known = new Map((await this.leases.renew(instanceId, mine.map(toBeat), leaseMs)).map((row) => [nameOf(row), row]));
    if (mine.length === 0) await this.leases.ping();
    const now = performance.now();
    if (now - this.#renewedAt > leaseMs) this.#reapsFrom = now + leaseMs;
    this.#renewedAt = now;
    for (const task of mine) this.#learn(task, known.get(nameOf(task.claim)), sentAt);
  }

  #learn(task: LiveTask, known: Renewed | undefined, sentAt: number): void {
    if (known?.is_renewed) task.renewedAt = sentAt;
    if (known?.state === 'cancelling') task.abort(toLiveReason(known.cancel as CancelIntent));
    else if (!known && !task.isEnding) task.abort(new LeaseLostError());
  }

  /** Of tasks whose owner has not noticed that nobody came back. */
  async #endGraces(): Promise<void> {
    const ended = await this.graces.endOverdue();
    await Promise.all(
      ended.map(async ({ owner, id: taskId, attempt, cancel: { cause, reason } }) => {
        await this.bus.publish({ type: 'cancel', owner, taskId, attempt, cause, reason });
      }),
    );
  }

  async #reap(): Promise<void> {
    const rows = await this.leases.reap();
    await Promise.all(rows.map((row) => this.#tellReaped(row)));
  }

  async #tellReaped({ id, owner, kind, state, stage }: TaskRow): Promise<void> {
    this.#logger.warn({ msg: `[Tasks] Task ${id} ${state}: the instance that worked on it is gone`, task_id: id, owner, kind, stage });
    this.notices.tell({ type: 'reaped', kind, state: state as 'queued' | 'failed' | 'cancelled' });
    if (state === 'queued') return;
    await this.bus.publish({ type: 'ended', owner, taskId: id });
  }
}

function toBeat({ claim, scope, progress: { done, total, item, msPerItem } }: LiveTask): Beat {
  return { ...claim, stage: scope?.lastStage ?? null, done, total, item: item ?? null, ms_per_item: msPerItem ?? null };
}

function nameOf({ owner, id, attempt }: Claim): string {
  return `${id} ${attempt} ${owner}`;
}
