import { count, counted, shortId, words } from './format.js';
import { summaryOf } from './receipt.js';
import type { TasksRoute } from './route.js';
import type { TaskWatch } from './task-watch.js';
import type { Question, Surroundings } from './view.js';
import { isStoppable, type Task } from './wire.js';

/** One request names no more. */
const MOST_IDS = 500;

type CancelAnswer = Awaited<ReturnType<Surroundings['hangup']['tasks']['cancel']>>;
type Filter = Pick<TasksRoute, 'kind' | 'scope'>;
interface Stoppable {
  readonly tasks: readonly Task[];
  readonly hasMore: boolean;
}

/** Stops tasks that are watched: shown as told at once, and as stopped once they have; as they were, where they were not told after all. */
export class Cancelling {
  constructor(
    private readonly around: Surroundings,
    private readonly watch: TaskWatch,
  ) {}

  async one(task: Task): Promise<void> {
    await this.#tell([task], async () => {
      const answer = await this.around.hangup.tasks.cancel(task.id);
      const how = answer.receipt ? summaryOf(answer.receipt) : answer.status.replaceAll('_', ' ');
      this.around.announce(`${words(task.kind)} ${shortId(task.id)}: ${how}.`);
      return [answer];
    });
  }

  /** All that there are now of what is shown, wherever in the list; for an administrator everybody's. */
  async all(filter: Filter): Promise<void> {
    try {
      const stoppable = await this.#stoppable(filter);
      if (stoppable.tasks.length === 0) this.around.announce('Nothing runs at present.');
      else await this.#these(stoppable, filter);
    } catch (error) {
      this.around.fail(error);
    }
  }

  /** The server takes a scope for the canceller's own, also where they see everybody's. */
  async scope(scope: string): Promise<void> {
    const isSeenByAll = this.watch.tasks.some(({ owner }) => owner !== undefined);
    const [whose, title] = isSeenByAll
      ? ['your own tasks', `Cancel all of ${scope} that is yours?`]
      : ['its tasks', `Cancel all of ${scope}?`];
    const text = `All of ${whose} stop, also one that is on its way to the server at this moment.`;
    const others = isSeenByAll ? ' Those of other users go on: “Cancel all…” stops these too.' : '';
    const isMeant = (task: Task): boolean => task.scopes.includes(scope) && !this.#isOthers(task);
    await this.#several({ scope }, { title, text: text + others }, isMeant);
  }

  async #these({ tasks, hasMore }: Stoppable, { kind, scope }: Filter): Promise<void> {
    const ids = new Set(tasks.map(({ id }) => id));
    const named = counted(tasks.length, kind === undefined ? 'task' : `${words(kind).toLowerCase()} task`);
    const title = `Cancel ${hasMore ? 'the newest ' : ''}${named}${scope === undefined ? '' : ` of ${scope}`}?`;
    const others = tasks.filter((task) => this.#isOthers(task)).length;
    const whose = others === 0 ? '' : `${count(others)} of them ${others === 1 ? 'is' : 'are'} other users’. `;
    const text = `${whose}Each stops where it is. What it has spent is booked, and what is finished of a job is kept.`;
    await this.#several({ ids: [...ids] }, { title, text }, ({ id }) => ids.has(id));
  }

  async #several(
    which: { ids: string[] } | { scope: string },
    question: Pick<Question, 'title' | 'text'>,
    isMeant: (task: Task) => boolean,
  ): Promise<void> {
    const reason = await this.around.confirm({ ...question, verb: 'Cancel them', refusal: 'Keep them', asksWhy: true });
    if (reason === undefined) return;
    const meant = this.watch.tasks.filter((task) => isStoppable(task) && isMeant(task));
    await this.#tell(meant, async () => {
      const { cancelled_count, tasks } = await this.around.hangup.tasks.cancelMany({ ...which, ...(reason !== '' && { reason }) });
      this.around.announce(`${counted(cancelled_count, 'task')} cancelled.`);
      return tasks;
    });
  }

  async #tell(meant: readonly Task[], cancel: () => Promise<readonly CancelAnswer[]>): Promise<void> {
    for (const { id } of meant) this.watch.update(id, { state: 'cancelling' });
    let answers: readonly CancelAnswer[] = [];
    try {
      answers = await cancel();
    } catch (error) {
      this.around.fail(error);
    }
    const told = new Map(answers.map((answer) => [answer.task_id, answer]));
    for (const task of meant) this.#settle(task, told.get(task.id));
    await this.watch.look();
  }

  /** Whatever the watch has heard of an end meanwhile stands. */
  #settle({ id, state }: Task, answer: CancelAnswer | undefined): void {
    if (!this.watch.tasks.some((task) => task.id === id && task.state === 'cancelling')) return;
    if (answer?.status === 'cancelled') {
      const { cancel, receipt, usage, finished_at } = answer;
      this.watch.update(id, { state: 'cancelled', cancel, receipt, usage, finished_at });
    } else if (answer?.status !== 'cancelling') this.watch.update(id, { state });
  }

  #isOthers({ owner }: Task): boolean {
    return owner !== undefined && owner !== this.around.subject;
  }

  async #stoppable(filter: Filter): Promise<Stoppable> {
    const tasks: Task[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.around.hangup.tasks.list({ state: ['queued', 'running'], ...filter, limit: 100, cursor });
      tasks.push(...page.tasks);
      cursor = page.next_cursor;
    } while (cursor !== undefined && tasks.length < MOST_IDS);
    return { tasks, hasMore: cursor !== undefined };
  }
}
