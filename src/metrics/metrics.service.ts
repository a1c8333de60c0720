import { Injectable, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Subscription } from 'rxjs';
import { AbortStats } from '../abort/index.js';
import { CancelBus, LiveTasks, stageName, TaskNotices, type TaskNotice } from '../tasks/index.js';

/** From a millisecond, which a healthy stop takes, to beyond the time after which a layer is named a zombie. */
const STOP_BUCKETS_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

let ofProcess: Registry | undefined;

/** Memory, processor and event loop are the process's, however many apps it runs: what observes them is set up once. */
function processRegistry(): Registry {
  if (!ofProcess) collectDefaultMetrics({ register: (ofProcess = new Registry()) });
  return ofProcess;
}

/**
 * What this instance has counted since it started, for Prometheus. Labels come from the code alone (kinds, stages, causes), never from
 * clients, so that there are only ever so many series.
 */
@Injectable()
export class Metrics implements OnModuleInit, OnApplicationShutdown {
  readonly #registry = new Registry();
  readonly #tasks = this.#counter('hangup_tasks_total', 'Tasks that ended here, by how', ['kind', 'end']);
  readonly #cancels = this.#counter('hangup_cancels_total', 'Tasks that were stopped here, by cause and stage', ['cause', 'stage']);
  readonly #avoided = this.#counter('hangup_llm_calls_avoided_total', 'LLM calls not made because their task was stopped', ['kind']);
  readonly #honoured = this.#counter('hangup_pending_cancels_honoured_total', 'Tasks whose cancel had come first', ['by']);
  readonly #answers = this.#counter('hangup_cancel_answers_total', 'Answers to cancels', ['status']);
  readonly #reaped = this.#counter('hangup_tasks_reaped_total', 'Tasks of instances that are gone', ['kind', 'state']);
  readonly #stopped = new Histogram({
    name: 'hangup_cancel_stopped_seconds',
    help: 'From the abort of a task to the moment when its last layer had stopped',
    labelNames: ['cause'],
    buckets: STOP_BUCKETS_SECONDS,
    registers: [this.#registry],
  });
  #subscription?: Subscription;

  constructor(
    private readonly notices: TaskNotices,
    private readonly live: LiveTasks,
    private readonly bus: CancelBus,
    private readonly stats: AbortStats,
  ) {}

  onModuleInit(): void {
    this.#readOnDemand();
    this.#subscription = this.notices.stream.subscribe((notice) => this.#count(notice));
  }

  onApplicationShutdown(): void {
    this.#subscription?.unsubscribe();
    this.#registry.clear();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Everything, in Prometheus' text format. */
  async text(): Promise<string> {
    return await Registry.merge([this.#registry, processRegistry()]).metrics();
  }

  #count(notice: TaskNotice): void {
    if (notice.type === 'ended') this.#countEnd(notice);
    else if (notice.type === 'answered') this.#answers.inc({ status: notice.status });
    else if (notice.type === 'honoured') this.#honoured.inc({ by: notice.by });
    else this.#reaped.inc({ kind: notice.kind, state: notice.state });
  }

  #countEnd({ kind, state, cause, stage = 'none', stoppedMs, callsAvoided = 0 }: Extract<TaskNotice, { type: 'ended' }>): void {
    this.#tasks.inc({ kind, end: state });
    if (cause === undefined) return;
    this.#cancels.inc({ cause, stage: stageName(stage) });
    this.#avoided.inc({ kind }, callsAvoided);
    if (stoppedMs !== undefined) this.#stopped.observe({ cause }, stoppedMs / 1000);
  }

  #readOnDemand(): void {
    const { live, bus, stats } = this;
    this.#gauge('hangup_tasks_live', 'Tasks that this instance works on', ['kind'], (gauge) => {
      for (const [kind, count] of live.counts()) gauge.set({ kind }, count);
    });
    this.#gauge('hangup_bus_up', 'Whether cancels reach other instances at once', ['kind'], (gauge) => {
      gauge.set({ kind: bus.kind }, bus.state === 'up' ? 1 : 0);
    });
    this.#gauge('hangup_bus_lag_seconds', 'How long the last message of this instance took to come back to it', [], (gauge) => {
      if (bus.lagMs !== undefined) gauge.set(bus.lagMs / 1000);
    });
    const { vanished } = stats;
    new Counter({
      name: 'hangup_vanished_clients_total',
      help: 'Connections that were cut because their client had vanished, by how it was noticed',
      labelNames: ['by'],
      registers: [this.#registry],
      collect(this: Counter<'by'>) {
        this.reset();
        for (const [by, count] of Object.entries(vanished)) this.inc({ by }, count);
      },
    });
    const total = (name: string, help: string, read: () => number): void => {
      const collect = function (this: Counter): void {
        this.reset();
        this.inc(read());
      };
      new Counter({ name, help, registers: [this.#registry], collect });
    };
    total('hangup_zombies_total', 'Layers that ignored their signal', () => stats.zombies);
    total('hangup_disconnects_total', 'Requests whose client left before the answer, and whose work was told so', () => stats.disconnects);
  }

  #counter<L extends string>(name: string, help: string, labelNames: readonly L[]): Counter<L> {
    return new Counter({ name, help, labelNames, registers: [this.#registry] });
  }

  /** Without what it no longer reads: a kind of which nothing is live has no series. */
  #gauge<L extends string>(name: string, help: string, labelNames: readonly L[], read: (gauge: Gauge<L>) => void): void {
    const collect = function (this: Gauge<L>): void {
      this.reset();
      read(this);
    };
    new Gauge({ name, help, labelNames, registers: [this.#registry], collect });
  }
}
