import { Inject, Injectable, Logger } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import type { User } from '../auth/index.js';
import type { Tx } from '../database/index.js';
import { Llm, NO_USAGE } from '../llm/index.js';
import { CancelBus } from './bus/index.js';
import { isTombstone, notFound, toCancelAnswer, type CancelAnswer } from './cancel-answer.js';
import { CancelsRepository, type Selection, type ToldRow } from './cancels.repository.js';
import { Endings } from './endings.js';
import { TaskNotices } from './task-notices.js';
import { TASK_SETTINGS, type TaskSettings } from './task-settings.js';
import type { CancelIntent, Receipt, TaskRow } from './task.js';
import { TasksRepository } from './tasks.repository.js';

export interface CancelOptions {
  /** What is written as the cause, where it is not that of the call: one task takes the place of another. */
  readonly cause?: 'superseded';
  /** The canceller's own words. */
  readonly reason?: string;
  /** How long to wait for the work to stop, in milliseconds. */
  readonly waitMs: number;
  /** Which client cancels, and when by its own clock: orders the cancel against tasks that the same client issues. */
  readonly clientId?: string;
  readonly issuedAt?: number;
}

/** What a cancel of several tasks came to. */
export interface ManyCancelled {
  readonly answers: readonly CancelAnswer[];
  /** A mark was left that stops what is already on its way. */
  readonly isMarked: boolean;
}

type Intent = Omit<CancelIntent, 'requested_at'>;

/**
 * Cancels tasks, whichever instance they run on. The intent is committed before anybody is told, so that a cancel that was
 * acknowledged cannot be lost; whoever sent it may hang up, and it is carried out all the same.
 */
@Injectable()
export class Cancels {
  readonly #logger = new Logger('Tasks');

  constructor(
    @Inject(TASK_SETTINGS) private readonly settings: TaskSettings,
    private readonly context: AbortContext,
    private readonly cancels: CancelsRepository,
    private readonly tasks: TasksRepository,
    private readonly llm: Llm,
    private readonly endings: Endings,
    private readonly bus: CancelBus,
    private readonly notices: TaskNotices,
  ) {}

  /**
   * Cancels one task. With `isPending`, an id that nobody has used is remembered, and its task stopped before it begins. Waits up to
   * `waitMs` for the work to stop: the answer says `cancelled` only then, and is read off the row, so that every click gets the same.
   */
  async byId(user: User, id: string, { isPending, ...options }: CancelOptions & { readonly isPending: boolean }): Promise<CancelAnswer> {
    const intent = intentOf('user', user, options);
    const owner = user.isAdmin ? undefined : user.id;
    const [row] = await this.#inTransaction(async (tx) => {
      if (isPending) await this.cancels.lock(tx, user.id, 'exclusive');
      const told = await this.cancels.tell(tx, owner, { ids: [id] }, intent);
      const tomb = told.length === 0 && isPending ? await this.cancels.entomb(tx, { owner: user.id, id }, intent) : undefined;
      return tomb ? [tomb] : told.toSorted(liveFirst);
    });
    const [answer = this.#unknown(id)] = row ? await this.#answersOf([row], options.waitMs) : [];
    return answer;
  }

  /** Cancels each of these tasks; each gets its own answer, in the order asked, an unknown one `not_found`. */
  async byIds(user: User, ids: readonly string[], options: CancelOptions): Promise<ManyCancelled> {
    const owner = user.isAdmin ? undefined : user.id;
    const told = await this.#inTransaction((tx) => this.cancels.tell(tx, owner, { ids }, intentOf('user', user, options)));
    const answers = await this.#answersOf(told.toSorted(liveFirst), options.waitMs);
    return { answers: ids.map((id) => answers.find(({ task_id }) => task_id === id) ?? this.#unknown(id)), isMarked: false };
  }

  /**
   * Cancels all of this user's tasks of a scope, of a kind, or of both. A scope leaves a mark that also stops a task which is already
   * on its way here, and none that its client issues later. What the same cancel has stopped lately is told again.
   */
  async bySelection(user: User, meant: Omit<Selection, 'ids'>, options: CancelOptions): Promise<ManyCancelled> {
    const { markTtlMs } = this.settings;
    const named = meant.scope ?? meant.kind;
    const intent: Intent = { ...intentOf('scope', user, options), scope: named };
    const rows = await this.#inTransaction(async (tx) => {
      await this.cancels.lock(tx, user.id, 'exclusive');
      const told = await this.cancels.tell(tx, user.id, meant, intent, options);
      // Afterwards: what stops between the two statements is in one of them at least.
      const before = await this.cancels.recentlyStopped(tx, user.id, meant, markTtlMs);
      const rows = [...before.filter(({ id }) => !told.some((each) => each.id === id)), ...told].toSorted(olderFirst);
      await this.#mark(tx, user, meant, options, rows.length > 0);
      return rows;
    });
    return { answers: await this.#answersOf(rows, options.waitMs), isMarked: meant.scope !== undefined };
  }

  /** A cancel that has hit what it was for does not go on to hit what says nothing of when it was issued. */
  async #mark(tx: Tx, { id }: User, { scope, kind }: Omit<Selection, 'ids'>, options: CancelOptions, isBlindSpent: boolean): Promise<void> {
    if (scope === undefined) return;
    const { reason, clientId, issuedAt } = options;
    const ttlMs = this.settings.markTtlMs;
    await this.cancels.mark(tx, { owner: id, scope, kind, clientId, issuedAt, reason, by: id, ttlMs, isBlindSpent });
  }

  /** Commits in a shield: whoever sent the cancel may be gone already. Then tells whoever works on what was told to stop. */
  async #inTransaction(fn: (tx: Tx) => Promise<ToldRow[]>): Promise<ToldRow[]> {
    return await this.context.shield(async () => {
      const rows = await this.cancels.inTransaction(fn);
      await Promise.all(rows.map((row) => this.#carryOut(row)));
      return rows;
    });
  }

  async #carryOut(row: ToldRow): Promise<void> {
    if (row.state === 'cancelling') await this.#push(row);
    else if (row.isStoppedNow) await this.#tellNoWork(row);
  }

  /** It waited in the queue: nobody but this cancel knows that it has ended. */
  async #tellNoWork({ id, owner, kind, done, total, cancel, receipt }: TaskRow): Promise<void> {
    const { cause } = cancel as CancelIntent;
    const { calls_avoided: callsAvoided } = receipt as Receipt;
    const msg = `[Tasks] Task ${id} cancelled at ${done}/${total ?? 0} (cause=${cause})`;
    this.#logger.log({ msg, task_id: id, owner, kind, cause, receipt });
    this.notices.tell({ type: 'ended', kind, state: 'cancelled', cause, callsAvoided });
    await this.bus.publish({ type: 'ended', owner, taskId: id });
  }

  async #push({ owner, id, attempt, cancel }: TaskRow): Promise<void> {
    const { cause, by, reason } = cancel as CancelIntent;
    await this.bus.publish({ type: 'cancel', owner, taskId: id, attempt, cause, by, reason });
  }

  async #answersOf(rows: readonly TaskRow[], waitMs: number): Promise<CancelAnswer[]> {
    const stopped = await Promise.all(rows.map((row) => this.#stopped(row, waitMs)));
    const usages = await this.llm.usagesOf(stopped);
    const answers = stopped.map((row, i) => toCancelAnswer(row, usages[i] ?? NO_USAGE));
    for (const { status } of answers) this.notices.tell({ type: 'answered', status });
    return answers;
  }

  #unknown(id: string): CancelAnswer {
    this.notices.tell({ type: 'answered', status: 'not_found' });
    return notFound(id);
  }

  async #stopped(row: TaskRow, waitMs: number): Promise<TaskRow> {
    if (row.state !== 'cancelling' || isTombstone(row)) return row;
    return (await this.endings.until(row, () => this.tasks.find(row), waitMs)) ?? row;
  }
}

function intentOf(asked: 'user' | 'scope', { id }: User, { cause, reason }: CancelOptions): Intent {
  return { cause: cause ?? asked, by: id, ...(reason !== undefined && { reason }) };
}

/** In an order that repeats do not change. */
function olderFirst(a: TaskRow, b: TaskRow): number {
  return Number(a.created_at) - Number(b.created_at) || a.id.localeCompare(b.id);
}

/** An id may stand for tasks of several owners, where somebody may cancel them all: the one that this cancel is about comes first. */
function liveFirst(a: TaskRow, b: TaskRow): number {
  return Number(b.state === 'cancelling') - Number(a.state === 'cancelling') || Number(b.created_at) - Number(a.created_at);
}
