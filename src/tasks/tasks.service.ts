import { Inject, Injectable } from '@nestjs/common';
import {
  AbortContext,
  DeadlineExceededError,
  deriveSignal,
  DrainingError,
  LeaseLostError,
  type AbortReason,
  type AbortScope,
  type DerivedSignal,
} from '../abort/index.js';
import type { Tx } from '../database/index.js';
import { isTombstone } from './cancel-answer.js';
import { Attachments } from './attachments.service.js';
import { CANCEL, type DisconnectPolicy } from './disconnect-policy.js';
import { Endings } from './endings.js';
import { EventWriter, TaskChannel } from './events/index.js';
import { Grace } from './grace.js';
import { GracesRepository } from './graces.repository.js';
import { hashOf } from './input-hash.js';
import { LiveTask, LiveTasks, type LiveTaskFacts } from './live-tasks.js';
import { reasonOf, toLiveReason } from './receipt.js';
import { TaskCreation, taskExists } from './task-creation.js';
import { TaskEnd } from './task-end.js';
import { TaskFailedError, type TaskFailure } from './task-failure.js';
import { isTerminal, type TaskState } from './task-state.js';
import { tallyStages } from './stage-tally.js';
import { TASK_SETTINGS, type TaskSettings } from './task-settings.js';
import { OwnerBusyError, type JobHandle, type JobPlan, type Outcome, type TaskHandle, type TaskPlan, type TaskSpec } from './task-spec.js';
import { toProgressView } from './task-view.js';
import type { CancelIntent, TaskKey, TaskRow } from './task.js';
import { TaskQueue } from './task-queue.js';
import { TasksRepository, type NewTask, type StartedRow } from './tasks.repository.js';

/** Durable tasks, inside of requests and behind them. */
@Injectable()
export class Tasks {
  readonly #leaving = new AbortController();

  constructor(
    @Inject(TASK_SETTINGS) private readonly settings: TaskSettings,
    private readonly context: AbortContext,
    private readonly rows: TasksRepository,
    private readonly creation: TaskCreation,
    private readonly queue: TaskQueue,
    private readonly live: LiveTasks,
    private readonly endings: Endings,
    private readonly end: TaskEnd,
    private readonly events: EventWriter,
    private readonly graces: GracesRepository,
    private readonly attachments: Attachments,
  ) {}

  /**
   * Runs `work` as a task that can be cancelled by its id, its scopes and its kind, from any instance. `signal` is that of whoever
   * waits for the answer. Rows that `work` saves and the terminal state commit together; on abort the reason is thrown once the work
   * has stopped and its receipt is written.
   *
   * An id that its owner has used: with the same input the answer is that of the first task, waited for if need be (without a second
   * run); with another input `task_exists` is thrown. A cancel that came first throws `CancelledError` before any work. While the
   * server drains, `DrainingError` is thrown. `onOpen` is called once there is something to read of the task.
   */
  async run<T>(
    spec: TaskSpec,
    signal: AbortSignal,
    work: (task: TaskHandle) => Promise<Outcome<T>>,
    onOpen: () => void = noop,
  ): Promise<T> {
    if (this.isDraining) throw new DrainingError();
    const { owner, kind, issue, input, calls, total, onStopped } = spec;
    const onDisconnect = policyOf(spec);
    const claim = { owner, id: issue.taskId, attempt: 1 };
    for (let underWay = this.live.find(claim); underWay; underWay = this.live.find(claim)) {
      const known = await this.#attachHere(spec, signal, underWay, onOpen);
      if (known) return known.answer as T;
    }
    using own = deriveSignal([]);
    const task = this.#toLive({ claim, kind, inputHash: hashOf(input), calls, total, onStopped, onDisconnect }, own);
    void task.channel.opened.then(onOpen);
    this.live.add(task);
    const timeoutMs = Math.min(issue.deadlineMs ?? Infinity, this.settings.maxMs);
    const done = await this.#within(task, own.signal, signal, timeoutMs, async (scope) => {
      const created = await this.#create(spec, task);
      return created.type === 'new' ? { answer: await this.#execute(task, scope, work) } : created;
    });
    if ('answer' in done) return done.answer;
    if (hasSomethingToRead(done.row)) onOpen();
    // With whoever waits for it here, and not as the policy of a task that it turned out not to be.
    return (await this.context.run(signal, () => this.#answerOf(done.row), { timeoutMs: issue.deadlineMs })) as T;
  }

  /**
   * Writes a task for later, and its delivery to whoever will be free. `also` commits with it. Returns whether it is new; the same id
   * with the same input is the same task. Throws as `run` does where the id is taken, or its cancel came first.
   */
  async enqueue(spec: TaskSpec, also: (tx: Tx) => Promise<void>): Promise<{ readonly isNew: boolean }> {
    if (this.isDraining) throw new DrainingError();
    const task = { ...this.#toNewTask(spec), isJob: true };
    const created = await this.creation.create(task, async (tx) => {
      const row = await this.rows.insertQueued(tx, task);
      if (!row) return false;
      await also(tx);
      await this.queue.deliver(tx, [row]);
      return true;
    });
    return { isNew: created.type === 'new' };
  }

  /**
   * Works on a task that was enqueued, under its next attempt. `undefined` where there is nothing to begin: it was cancelled, has ended,
   * or somebody works on it. Throws `OwnerBusyError` where its owner has as many under way as there may be. Ends as `run` does, but that a
   * drain and a lost lease give the task back to the queue.
   */
  async resume<T>(
    key: TaskKey,
    plan: JobPlan,
    signal: AbortSignal,
    work: (task: JobHandle) => Promise<Outcome<T>>,
  ): Promise<T | undefined> {
    if (this.isDraining) throw new DrainingError();
    using own = deriveSignal([]);
    const started = await this.context.run(signal, () => this.#start(key, plan, own));
    if (!started) return undefined;
    const { task, row } = started;
    // The drain may have begun, and found nothing, while this was on its way.
    if (this.#leaving.signal.aborted) task.abort(new DrainingError());
    const leftMs = Math.round(row.deadline_in_ms ?? Infinity);
    if (leftMs <= 0) task.abort(new DeadlineExceededError());
    const timeoutMs = Math.min(Math.max(leftMs, 0), this.settings.jobMaxMs);
    const asJob = (handle: TaskHandle) => {
      handle.open();
      return work({ ...handle, input: row.input, leaving: this.#leaving.signal });
    };
    return await this.#within(task, own.signal, signal, timeoutMs, (scope) => this.#execute(task, scope, asJob));
  }

  /** From now on nothing is taken on; what is left when `until` aborts is aborted. Resolves when nothing is worked on any more. */
  async drain(until: AbortSignal): Promise<void> {
    this.#leaving.abort(new DrainingError());
    const abortAll = (): void => {
      for (const task of this.live.all()) task.abort(new DrainingError());
    };
    until.addEventListener('abort', abortAll, { once: true });
    if (until.aborted) abortAll();
    await this.live.ended();
    until.removeEventListener('abort', abortAll);
  }

  get isDraining(): boolean {
    return this.#leaving.signal.aborted;
  }

  /** Aborts once this instance takes no more work. */
  get leaving(): AbortSignal {
    return this.#leaving.signal;
  }

  #toLive(facts: LiveTaskFacts, own: DerivedSignal): LiveTask {
    const { leaseMs, instanceId } = this.settings;
    const { claim, onDisconnect } = facts;
    const abort = (reason: AbortReason): void => own.abort(reason);
    const terms = { instanceId, context: this.context, rows: this.graces };
    const grace = onDisconnect?.type === 'grace' ? new Grace(claim, { ...terms, ms: onDisconnect.ms }, abort) : undefined;
    return new LiveTask(facts, { leaseMs, abort, grace, channel: new TaskChannel(claim, this.events) });
  }

  /** The task is live until `fn` settles, and stops with `client`, its own signal, its time, or its lease. */
  async #within<T>(
    task: LiveTask,
    own: AbortSignal,
    client: AbortSignal,
    timeoutMs: number,
    fn: (scope: AbortScope) => Promise<T>,
  ): Promise<T> {
    const { claim, kind, channel } = task;
    const leave = task.attach(client);
    try {
      const labels = { owner: claim.owner, kind, attempt: String(claim.attempt) };
      const onStage = (stage: string): void => channel.tell('stage-start', { stage });
      return await this.context.run(own, fn, { id: claim.id, labels, timeoutMs, look: () => task.look(), onStage });
    } finally {
      leave();
      this.live.remove(task);
    }
  }

  async #execute<T>(task: LiveTask, scope: AbortScope, work: (task: TaskHandle) => Promise<Outcome<T>>): Promise<T> {
    task.scope = scope;
    try {
      const outcome = await work(toHandle(task, scope));
      await this.#complete(task, scope, outcome);
      return outcome.result;
    } catch (error) {
      throw await this.end.after(error, task, scope);
    }
  }

  async #create(spec: TaskSpec, task: LiveTask) {
    const row = this.#toNewTask(spec);
    const created = await this.creation.create(row, async (tx) => {
      task.renewedAt = performance.now();
      return (await this.rows.insertRunning(tx, row)) !== undefined;
    });
    if (created.type === 'new') task.setWritten();
    return created;
  }

  /** Live before its start commits, so that no push can fall between. */
  async #start(key: TaskKey, plan: JobPlan, own: DerivedSignal): Promise<{ task: LiveTask; row: StartedRow } | undefined> {
    let task: LiveTask | undefined;
    try {
      const started = await this.rows.inTransaction(async (tx) => {
        if (plan.perOwner !== undefined && (await this.rows.isOwnerBusy(tx, key, plan.perOwner))) throw new OwnerBusyError();
        const renewedAt = performance.now();
        const row = await this.rows.start(tx, key, this.settings);
        if (!row) return undefined;
        task = this.#toLive(factsOf(row, plan), own);
        task.renewedAt = renewedAt;
        this.live.add(task);
        return { task, row };
      });
      // Not before it has committed: a heartbeat in between would not find it, and take it for lost.
      started?.task.setWritten();
      return started;
    } catch (error) {
      if (task) this.live.remove(task);
      throw error;
    }
  }

  /** `save` and the terminal state, or neither. Where the task was cancelled first, it throws that cancel's reason. */
  async #complete<T>(task: LiveTask, scope: AbortScope, { result, stage, save }: Outcome<T>): Promise<void> {
    const { claim } = task;
    task.isEnding = true;
    const commit = async (): Promise<boolean> =>
      await this.rows.inTransaction(async (tx) => {
        await save?.(tx);
        task.channel.close();
        if (await this.rows.complete(tx, claim, this.settings.instanceId, { result, ...task.reached(scope) })) return true;
        throw new NotOursError();
      });
    try {
      await (stage === undefined ? commit() : this.context.stage(stage, commit));
    } catch (error) {
      if (!(error instanceof NotOursError)) throw error;
      const row = await this.context.shield(() => this.rows.find(claim));
      task.abort(row?.state === 'cancelling' ? toLiveReason(row.cancel as CancelIntent) : new LeaseLostError());
      throw scope.signal.reason;
    }
    await this.end.completed(task);
  }

  /** The answer of a request of the same id that is under way here; `undefined` where that came to nothing, so that this one may try. */
  async #attachHere(
    spec: TaskSpec,
    signal: AbortSignal,
    task: LiveTask,
    onOpen: () => void,
  ): Promise<{ readonly answer: unknown } | undefined> {
    const isSame = task.inputHash === hashOf(spec.input);
    if (task.isWritten && !isSame) throw taskExists(task.claim.id);
    // Whoever comes later waits for as long as they said, and not for as long as the first one did.
    using waiting = deriveSignal([signal], { timeoutMs: spec.issue.deadlineMs });
    const leave = isSame ? task.attach(waiting.signal) : undefined;
    if (isSame) void task.channel.opened.then(onOpen);
    const end = (): Promise<{ readonly answer: unknown } | undefined> => this.#endHere(spec, task, onOpen);
    try {
      return await this.context.run(waiting.signal, end);
    } catch (error) {
      // The last who waited has stopped the task by that, and is told how it stopped.
      if (signal.aborted || error !== waiting.signal.reason || task.scope?.signal.reason !== error) throw error;
      return await this.context.run(signal, end);
    } finally {
      leave?.();
    }
  }

  async #endHere(spec: TaskSpec, task: LiveTask, onOpen: () => void): Promise<{ readonly answer: unknown } | undefined> {
    await task.ended(this.context.signal);
    const row = await this.rows.find(task.claim);
    if (!row || isTombstone(row)) return undefined;
    if (row.input_hash !== hashOf(spec.input)) throw taskExists(row.id);
    if (hasSomethingToRead(row)) onOpen();
    return { answer: await this.#answerOf(row) };
  }

  /** The answer of a task that was asked for before, waited for if need be. */
  async #answerOf(known: TaskRow): Promise<unknown> {
    const row = isTerminal(known.state as TaskState) ? known : await this.#endOf(known);
    if (row.state === 'completed') return row.result;
    if (row.state === 'failed') throw new TaskFailedError(row.error as TaskFailure);
    throw reasonOf(row);
  }

  /** Waits with the ambient signal. */
  async #endOf(known: TaskRow): Promise<TaskRow> {
    const attachment = this.attachments.attach(known, this.context.signal);
    try {
      return (await this.endings.until(known, () => this.rows.find(known))) ?? known;
    } finally {
      attachment.end();
    }
  }

  #toNewTask(spec: TaskSpec): NewTask {
    const { owner, kind, scopes, input, issue, total, done, calls, resumedFrom } = spec;
    const { leaseMs, instanceId } = this.settings;
    const { taskId: id, clientId, issuedAt, deadlineMs } = issue;
    const all = [...new Set([...scopes, ...issue.scopes])];
    const inputHash = hashOf(resumedFrom === undefined ? input : { resumedFrom, input });
    const planned = { plannedCalls: calls.length, plannedStages: tallyStages(calls) };
    const what = { owner, id, kind, scopes: all, input, inputHash, total, done, resumedFrom };
    return { ...what, ...planned, clientId, issuedAt, deadlineMs, instanceId, leaseMs, onDisconnect: policyOf(spec) };
  }
}

function policyOf({ issue, onDisconnect = CANCEL }: TaskSpec): DisconnectPolicy {
  return issue.onDisconnect ?? onDisconnect;
}

/** One that was stopped or has failed is answered with that. */
function hasSomethingToRead({ state }: TaskRow): boolean {
  return state !== 'cancelled' && state !== 'failed';
}

function toHandle(task: LiveTask, scope: AbortScope): TaskHandle {
  const { claim, kind, channel } = task;
  return {
    id: scope.id,
    claim,
    scope,
    open: (facts = {}) => channel.open({ task_id: claim.id, kind, attempt: claim.attempt, ...facts }),
    tell: (type, data) => channel.tell(type, data),
    paced: () => channel.paced(scope.signal),
    progress: (reached) => {
      task.progress = reached;
      channel.tell('progress', toProgressView(reached));
    },
    expect: (calls) => {
      task.calls = calls;
    },
    abort: (reason) => task.abort(reason),
  };
}

function factsOf({ owner, id, attempt, kind, done, total, input_hash }: TaskRow, { calls, onStopped }: TaskPlan): LiveTaskFacts {
  const claim = { owner, id, attempt };
  return { claim, kind, inputHash: input_hash ?? '', calls, done, total: total ?? undefined, onStopped, isJob: true };
}

/** The row was told to stop, or taken over, before its work could complete it. Rolls back what the work saved. */
class NotOursError extends Error {}

function noop(): void {
  // Nobody reads.
}
