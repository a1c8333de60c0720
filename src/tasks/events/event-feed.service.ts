import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import { AbortContext, isAbortOf } from '../../abort/index.js';
import { Llm } from '../../llm/index.js';
import { CancelBus } from '../bus/index.js';
import { LiveTasks } from '../live-tasks.js';
import { reasonOf } from '../redis-client.js';
import { TaskItemsRepository } from '../task-items.repository.js';
import type { TaskKey, TaskRow } from '../task.js';
import { toResultView, toTaskView } from '../task-view.js';
import { TasksRepository } from '../tasks.repository.js';
import { EventLog } from './event-log.js';
import { EventReader, type EventSource, type Wake } from './event-reader.js';
import { EventWriter } from './event-writer.js';
import type { TaskChannel } from './task-channel.js';
import { toEndEvent } from './task-end-event.js';
import type { EventPosition, TaskEvent } from './task-event.js';

/** Those that read elsewhere say so this often at the most, and are believed for so long. */
const FOLLOW_EVERY_MS = 1000;
const FOLLOWED_FOR_MS = 3000;

type Waker = (why: Wake) => void;

/** What tasks tell, for readers on every instance: woken by the work itself where it is here, by the bus where it is not. */
@Injectable()
export class EventFeed implements OnModuleInit, EventSource {
  readonly #wakers = new Map<string, Set<Waker>>();
  readonly #followed = new Map<string, number>();
  readonly #logger = new Logger('Events');
  #isLogOut = false;

  constructor(
    private readonly context: AbortContext,
    private readonly bus: CancelBus,
    private readonly live: LiveTasks,
    private readonly writer: EventWriter,
    private readonly log: EventLog,
    private readonly tasks: TasksRepository,
    private readonly items: TaskItemsRepository,
    private readonly llm: Llm,
  ) {}

  onModuleInit(): void {
    this.bus.subscribe((message) => {
      const key = { owner: message.owner, id: message.taskId };
      if (message.type === 'ended') this.#wake(key, 'ended');
      if (message.type === 'told') this.#wake(key, 'told');
      if (message.type === 'follow') this.#hearFollower(key);
    });
    this.writer.onWritten((tasks) => {
      for (const key of tasks) this.#tellWritten(key);
    });
  }

  /** A reader of what a task tells after a position, or from its beginning. Its waiting ends with `signal`. */
  reader(task: TaskKey, signal: AbortSignal, after?: EventPosition): EventReader {
    return new EventReader(this.context, this, task, signal, after);
  }

  /** Before it is written it may turn out to be another's, who has used the id before. */
  channel(task: TaskKey): TaskChannel | undefined {
    const live = this.live.find(task);
    return live?.isWritten ? live.channel : undefined;
  }

  /** One warning for each outage. */
  async read(task: TaskKey, after: EventPosition | undefined, limit: number): Promise<readonly TaskEvent[] | undefined> {
    try {
      const events = await this.log.read(task, after, limit);
      this.#isLogOut = false;
      return events;
    } catch (error) {
      if (isAbortOf(error, this.context.signal)) throw error;
      if (!this.#isLogOut) this.#logger.warn({ msg: '[Events] What tasks told cannot be read: readers wait', reason: reasonOf(error) });
      this.#isLogOut = true;
      return undefined;
    }
  }

  async row(task: TaskKey): Promise<TaskRow | undefined> {
    return await this.tasks.find(task);
  }

  async end(row: TaskRow): Promise<TaskEvent> {
    return toEndEvent(row, await this.llm.usageOf(row));
  }

  async snapshot(row: TaskRow): Promise<object> {
    const task = toTaskView(row, await this.llm.usageOf(row));
    const items = row.is_job && row.state !== 'completed' ? await this.items.ended(row) : [];
    return { task, ...toResultView(row, items) };
  }

  listen(task: TaskKey, wake: Waker): () => void {
    const name = nameOf(task);
    const wakers = this.#wakers.get(name) ?? new Set();
    this.#wakers.set(name, wakers.add(wake));
    return () => {
      wakers.delete(wake);
      if (wakers.size > 0) return;
      this.#wakers.delete(name);
      this.#followed.delete(name);
    };
  }

  follow(task: TaskKey): void {
    if (this.channel(task)) return;
    const now = performance.now();
    const name = nameOf(task);
    if (now - (this.#followed.get(name) ?? -Infinity) < FOLLOW_EVERY_MS || !this.#wakers.has(name)) return;
    this.#followed.set(name, now);
    void this.bus.publish({ type: 'follow', owner: task.owner, taskId: task.id });
  }

  /** What was written before a reader was known of is told at once: it may have looked too early. */
  #hearFollower(key: TaskKey): void {
    const channel = this.channel(key);
    if (!channel) return;
    const isNew = !channel.isFollowedElsewhere;
    channel.followElsewhere(FOLLOWED_FOR_MS);
    if (isNew) void this.writer.flushed(key).then(() => this.#tellWritten(key));
  }

  #tellWritten(key: TaskKey): void {
    this.#wake(key, 'told');
    if (this.channel(key)?.isFollowedElsewhere) void this.bus.publish({ type: 'told', owner: key.owner, taskId: key.id });
  }

  #wake(key: TaskKey, why: Wake): void {
    for (const wake of this.#wakers.get(nameOf(key)) ?? []) wake(why);
  }
}

function nameOf({ owner, id }: TaskKey): string {
  return `${id} ${owner}`;
}
