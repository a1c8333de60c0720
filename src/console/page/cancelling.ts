import { counted, shortId, words } from './format.js';
import { summaryOf } from './receipt.js';
import type { TaskWatch } from './task-watch.js';
import type { Surroundings } from './view.js';
import { isStoppable, type Task } from './wire.js';

/** One request names no more. */
const MOST_IDS = 500;

/** Stops tasks that are watched: shown as told at once, and as stopped once they have. */
export class Cancelling {
  constructor(
    private readonly around: Surroundings,
    private readonly watch: TaskWatch,
  ) {}

  async one({ id, kind, state }: Task): Promise<void> {
    this.watch.update(id, { state: 'cancelling' });
    try {
      const { status, cancel, receipt, usage, finished_at } = await this.around.hangup.tasks.cancel(id);
      if (status === 'cancelled') this.watch.update(id, { state: status, cancel, receipt, usage, finished_at });
      this.around.announce(`${words(kind)} ${shortId(id)}: ${receipt ? summaryOf(receipt) : status.replaceAll('_', ' ')}.`);
    } catch (error) {
      this.watch.update(id, { state });
      this.around.fail(error);
    }
    await this.watch.look();
  }

  /** All that there are now, wherever in the list. */
  async all(): Promise<void> {
    const ids = await this.#stoppable();
    const text = 'Each stops where it is. What it has spent is booked, and what is finished of a job is kept.';
    if (ids.length > 0) await this.#several({ ids }, `Cancel ${counted(ids.length, 'task')}?`, text);
    else this.around.announce('Nothing runs at present.');
  }

  async scope(scope: string): Promise<void> {
    const text = 'All of its tasks stop, also one that is on its way to the server at this moment.';
    await this.#several({ scope }, `Cancel all of ${scope}?`, text);
  }

  async #several(which: { ids: string[] } | { scope: string }, title: string, text: string): Promise<void> {
    const reason = await this.around.confirm({ title, text, verb: 'Cancel them' });
    if (reason === undefined) return;
    const isMeant = 'ids' in which ? (task: Task) => which.ids.includes(task.id) : (task: Task) => task.scopes.includes(which.scope);
    for (const task of this.watch.tasks) if (isStoppable(task) && isMeant(task)) this.watch.update(task.id, { state: 'cancelling' });
    try {
      const { cancelled_count } = await this.around.hangup.tasks.cancelMany({ ...which, ...(reason !== '' && { reason }) });
      this.around.announce(`${counted(cancelled_count, 'task')} cancelled.`);
    } catch (error) {
      this.around.fail(error);
    }
    await this.watch.look();
  }

  async #stoppable(): Promise<string[]> {
    const ids: string[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.around.hangup.tasks.list({ state: ['queued', 'running'], limit: 100, cursor });
      ids.push(...page.tasks.map(({ id }) => id));
      cursor = page.next_cursor;
    } while (cursor !== undefined && ids.length < MOST_IDS);
    return ids;
  }
}
