import { Inject, Injectable, Logger } from '@nestjs/common';
import { AbortContext, isAbortOf, toAbortReason, type AbortReason, type AbortScope } from '../abort/index.js';
import { Llm } from '../llm/index.js';
import { CancelBus } from './bus/index.js';
import { EventWriter } from './events/index.js';
import { LeasesRepository } from './leases.repository.js';
import type { LiveTask } from './live-tasks.js';
import { extensionsOf, toIntent, toReceipt } from './receipt.js';
import { tallyStages } from './stage-tally.js';
import { TaskNotices } from './task-notices.js';
import { TASK_SETTINGS, type TaskSettings } from './task-settings.js';
import { toFailure } from './task-failure.js';
import type { CancelIntent, Receipt, TaskRow } from './task.js';
import { TasksRepository } from './tasks.repository.js';

/** A log that is out of reach holds up nobody for longer. */
const LONGEST_TELLING_MS = 1000;

/** The ends of tasks other than completion: what is written, told to the other instances, counted and logged. */
@Injectable()
export class TaskEnd {
  readonly #logger = new Logger('Tasks');

  constructor(
    @Inject(TASK_SETTINGS) private readonly settings: TaskSettings,
    private readonly context: AbortContext,
    private readonly rows: TasksRepository,
    private readonly leases: LeasesRepository,
    private readonly llm: Llm,
    private readonly bus: CancelBus,
    private readonly notices: TaskNotices,
    private readonly events: EventWriter,
  ) {}

  /** Tells of a task whose completion has been committed. */
  async completed({ kind, claim }: LiveTask): Promise<void> {
    this.notices.tell({ type: 'ended', kind, state: 'completed' });
    await this.bus.publish({ type: 'ended', owner: claim.owner, taskId: claim.id });
  }

  /**
   * Ends a task whose work has thrown. A real failure ends it as failed, also while it was told to stop, unless the lease is lost; an
   * abort as cancelled, once everything under `scope` has stopped. Returns what to throw; never rejects: an end that could not be written is an ERROR in the
   * log, and the task's lease runs out.
   */
  async after(error: unknown, task: LiveTask, scope: AbortScope): Promise<unknown> {
    task.isEnding = true;
    task.channel.close();
    task.look();
    if (!isAbortOf(error, scope.signal) && !isLost(scope)) {
      await this.#written(task, () => this.#fail(task, scope, error));
      return error;
    }
    const reason = toAbortReason(scope.signal.reason);
    await scope.settled();
    await this.#written(task, () => this.#endOf(task, scope, reason));
    return scope.signal.reason;
  }

  async #endOf(task: LiveTask, scope: AbortScope, reason: AbortReason): Promise<void> {
    if (reason.abortCause === 'lease_lost') await this.#lose(task);
    else if (!(task.isJob && reason.abortCause === 'drain' && (await this.#requeue(task, scope)))) await this.#stop(task, scope, reason);
  }

  /**
   * What a draining instance had begun in the background goes on elsewhere, unless somebody has cancelled it. What it told is written
   * first: behind the first words of the next attempt it would come too late.
   */
  async #requeue(task: LiveTask, scope: AbortScope): Promise<boolean> {
    await this.#told(task);
    return await this.rows.requeue(task.claim, this.settings.instanceId, task.reached(scope));
  }

  async #told({ claim }: LiveTask): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => resolve(undefined), LONGEST_TELLING_MS);
    await Promise.race([this.events.flushed(claim), promise]);
    clearTimeout(timer);
  }

  async #fail(task: LiveTask, scope: AbortScope, error: unknown): Promise<void> {
    const failure = toFailure(error);
    const row = await this.rows.fail(task.claim, this.settings.instanceId, task.reached(scope), failure);
    if (!row) return;
    this.#logger.log({ msg: `[Tasks] Task ${row.id} failed (${failure.code})`, ...fieldsOf(row), code: failure.code });
    this.notices.tell({ type: 'ended', kind: task.kind, state: 'failed', stage: scope.lastStage });
    await this.#tellEnd(row);
  }

  async #stop(task: LiveTask, scope: AbortScope, reason: AbortReason): Promise<void> {
    const { claim } = task;
    const { instanceId } = this.settings;
    await this.rows.tell(claim, instanceId, toIntent(reason));
    const avoided = await this.#avoidedBy(task);
    const graceMs = reason.abortCause === 'client_disconnect' ? task.graceMs : undefined;
    const receipt = { ...receiptOf(scope, avoided.length), ...(graceMs !== undefined && { grace_ms: graceMs }) };
    const row = await this.rows.stop(claim, instanceId, task.reached(scope), receipt, tallyStages(avoided));
    if (row) reason.extensions = extensionsOf(row);
    if (row) await this.#tellStop(row, scope);
    task.onStopped?.(reason, (row?.receipt as Receipt | undefined) ?? receipt);
  }

  async #tellStop(row: TaskRow, scope: AbortScope): Promise<void> {
    const { cause } = row.cancel as CancelIntent;
    const msg = `[Tasks] Task ${row.id} cancelled at ${placeOf(row)} (cause=${cause})`;
    this.#logger.log({ msg, ...fieldsOf(row), cause, receipt: row.receipt });
    const stoppedMs = scope.report()?.stoppedMs ?? undefined;
    const { calls_avoided: callsAvoided, zombies } = row.receipt as Receipt;
    const stop = { cause, stage: scope.lastStage, stoppedMs, zombies: zombies.length, callsAvoided };
    this.notices.tell({ type: 'ended', kind: row.kind, state: 'cancelled', ...stop });
    await this.#tellEnd(row);
  }

  /** Nobody else may have noticed yet: then this end is written now, and else not at all. */
  async #lose({ claim, kind }: LiveTask): Promise<void> {
    const row = await this.leases.lose(claim, this.settings.instanceId);
    if (!row || row.state === 'queued') return;
    const state = row.state as 'failed' | 'cancelled';
    this.notices.tell({ type: 'ended', kind, state, cause: 'lease_lost' });
    await this.#tellEnd(row);
  }

  /** The stages of the calls that were still ahead. */
  async #avoidedBy({ claim, calls }: LiveTask): Promise<string[]> {
    const called = new Set(await this.llm.stagesCalled(claim));
    return calls.filter((stage) => !called.has(stage));
  }

  async #tellEnd({ owner, id }: TaskRow): Promise<void> {
    await this.bus.publish({ type: 'ended', owner, taskId: id });
  }

  /** In a shield: an abort cannot reach the books. In its turn: thousands may be stopped at once, and each has to be written. */
  async #written({ claim }: LiveTask, write: () => Promise<void>): Promise<void> {
    try {
      await this.context.shield(write, { isPatient: true });
    } catch (error) {
      const msg = `[Tasks] The end of task ${claim.id} could not be written: it ends with its lease`;
      this.#logger.error({ err: error, msg, task_id: claim.id, owner: claim.owner });
    }
  }
}

/** Whatever failed on an instance that no longer holds the task is for its next owner to find out. */
function isLost({ signal }: AbortScope): boolean {
  return signal.aborted && toAbortReason(signal.reason).abortCause === 'lease_lost';
}

function receiptOf(scope: AbortScope, callsAvoided: number): Receipt {
  const { stage, ...report } = scope.report() ?? { cause: 'user', stage: undefined, stoppedMs: 0, layers: [], zombies: [] };
  return toReceipt({ ...report, stage: stage ?? scope.lastStage }, callsAvoided);
}

function placeOf({ done, total, stage }: TaskRow): string {
  return total === null ? (stage ?? 'its start') : `${done}/${total}`;
}

function fieldsOf({ id, owner, kind, stage }: TaskRow): object {
  return { task_id: id, owner, kind, stage };
}
