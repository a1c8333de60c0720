import { performance } from 'node:perf_hooks';
import { eventually } from '../../src/testing/index.js';
import type { BuiltApp } from '../support/built-app.js';
import { inLanes } from '../support/cluster.js';
import { Evidence } from './evidence.js';
import { violationsOf } from './invariants.js';
import { planRun, type PlanOptions } from './plan.js';
import { describeRun } from './describe-run.js';
import { Run } from './run.js';
import { Surroundings } from './surroundings.js';

export interface HuntOptions extends PlanOptions {
  readonly seed: number;
  readonly runs: number;
  /** Only this run, as often as `runs` says. */
  readonly only?: number;
  /** So many runs at once. */
  readonly lanes: number;
  /** Told of each violation as it is found, and now and then of how far it has come. */
  readonly onViolation?: (violation: Violation) => void;
  readonly onProgress?: (done: number) => void;
}

/** A run in which something did not hold. */
export interface Violation {
  readonly index: number;
  readonly faults: readonly string[];
  /** What happened, in order. */
  readonly story: string;
}

export interface HuntReport {
  readonly violations: readonly Violation[];
  readonly runs: number;
  readonly seconds: number;
  /** How the tasks ended. */
  readonly ends: Readonly<Record<string, number>>;
  /** Runs in which an instance lost a lease though nothing had been done to it: the machine had no time for its heartbeats. */
  readonly leasesLost: number;
  /** What had not ended when all was over, but for the open calls of killed instances. */
  readonly leftovers: readonly object[];
  readonly freezes: number;
  readonly kills: number;
  /** What instances logged at WARN and above. */
  readonly complaints: readonly string[];
}

const PROGRESS_EVERY = 250;
const SETTLE_MS = 20_000;

/** Plays seeded runs against instances of the program, many at once, and looks afterwards whether everything held that must hold. */
export async function hunt(built: BuiltApp, options: HuntOptions): Promise<HuntReport> {
  const around = await Surroundings.open(built, options.instances);
  try {
    return await new Hunt(around, options).go();
  } catch (error) {
    const last = await around.lastWords();
    throw last === undefined ? error : new Error(`An instance has ended that nobody had killed: ${last}`, { cause: error });
  } finally {
    await around.close();
  }
}

class Hunt {
  readonly #violations: Violation[] = [];
  readonly #ends: Record<string, number> = {};
  #done = 0;
  #leasesLost = 0;

  constructor(
    private readonly around: Surroundings,
    private readonly options: HuntOptions,
  ) {}

  async go(): Promise<HuntReport> {
    const { runs, lanes } = this.options;
    const from = performance.now();
    await inLanes(runs, lanes, (i) => this.#run(i));
    const { around } = this;
    return {
      violations: this.#violations,
      runs,
      seconds: (performance.now() - from) / 1000,
      ends: this.#ends,
      leasesLost: this.#leasesLost,
      leftovers: await this.#leftovers(),
      freezes: around.countOf('freeze'),
      kills: around.countOf('kill'),
      complaints: around.complaints(),
    };
  }

  async #run(i: number): Promise<void> {
    const { seed, only, onViolation, onProgress } = this.options;
    const index = only ?? i;
    const evidence = new Evidence(await new Run(planRun(seed, index, this.options), this.around, i).play());
    const faults = violationsOf(evidence);
    if (faults.length > 0) {
      const violation = { index, faults, story: describeRun(evidence) };
      this.#violations.push(violation);
      onViolation?.(violation);
    }
    const { run } = evidence;
    if (run.hasLostLease && !run.wasTouched) this.#leasesLost += 1;
    for (const task of evidence.tasks) this.#count(task.row ? `${task.state ?? ''}${causeOf(task.row)}` : 'never there');
    this.#done += 1;
    if (this.#done % PROGRESS_EVERY === 0) onProgress?.(this.#done);
  }

  async #leftovers(): Promise<object[]> {
    let left: object[] = [];
    const look = async (): Promise<boolean> => (left = await this.around.audit.leftovers(this.around.countOf('kill') > 0)).length === 0;
    await eventually(look, { timeoutMs: SETTLE_MS }).catch(() => undefined);
    return left;
  }

  #count(end: string): void {
    this.#ends[end] = (this.#ends[end] ?? 0) + 1;
  }
}

function causeOf({ cancel, error }: { cancel: { cause: string } | null; error: { code: string } | null }): string {
  const why = error?.code ?? cancel?.cause;
  return why === undefined ? '' : ` (${why})`;
}
