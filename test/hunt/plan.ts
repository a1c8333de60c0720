import { Random } from './random.js';

/** The model calls of a quiz, in order. */
export const PURPOSES = ['embeddings', 'quiz', 'quiz_evaluation'] as const;
export type Purpose = (typeof PURPOSES)[number];

/** How the model behaves towards one quiz. */
export interface Pace {
  /** Milliseconds before the first byte of each call. */
  readonly delays: readonly [number, number, number];
  /** Stands still there until the run lets it go. */
  readonly heldAt?: { readonly purpose: Purpose; readonly chunks: number };
  /** Refuses this call for good. */
  readonly failsAt?: Purpose;
}

export interface PlannedTask {
  readonly id: string;
  readonly scopes: readonly string[];
  readonly pace: Pace;
  /** The task's whole time, in milliseconds, as each of its creates says. */
  readonly deadlineMs?: number;
  /** What becomes of it when its clients go, as each of its creates says; it stops where none does. */
  readonly onDisconnect?: 'continue' | `grace=${number}`;
}

/** When a step is taken. Those that wait for something do so only for a while. */
export type Moment =
  | { readonly after: number }
  | { readonly task: number; readonly calls: Purpose }
  /** Once the answer to another step has come. */
  | { readonly answered: number };

/** What a request says of the client that issues it. */
export interface Issuer {
  readonly client?: string;
  readonly issuedAt?: number;
}

interface Requested extends Issuer {
  readonly at: Moment;
  /** The instance that gets the request. */
  readonly via: number;
}

type Cancelling = Requested & { readonly waitMs: number };

export type Request =
  | (Requested & { readonly do: 'create'; readonly task: number })
  /** The id of a task with another body. */
  | (Requested & { readonly do: 'create-other'; readonly task: number })
  | (Requested & { readonly do: 'look'; readonly task: number })
  /** Reads what the task tells, until its end; attached, as one who waits for it. */
  | (Requested & { readonly do: 'read'; readonly task: number; readonly isAttached: boolean })
  /** Somebody else cancels a task of that id. */
  | (Requested & { readonly do: 'stranger'; readonly task: number; readonly isPending: boolean })
  | (Cancelling & { readonly do: 'cancel'; readonly task: number; readonly isPending: boolean })
  | (Cancelling & { readonly do: 'cancel-list'; readonly tasks: readonly number[] })
  | (Cancelling & { readonly do: 'cancel-many'; readonly scope?: string; readonly kind?: string })
  | (Cancelling & { readonly do: 'cancel-project'; readonly project: string });

export type Step =
  | Request
  /** The client of a `create` leaves. */
  | { readonly do: 'hang-up'; readonly at: Moment; readonly step: number }
  /** The instance stands still for longer than its lease. */
  | { readonly do: 'freeze'; readonly at: Moment; readonly via: number }
  /** The instance dies and is replaced. */
  | { readonly do: 'kill'; readonly at: Moment; readonly via: number };

export interface Plan {
  readonly seed: number;
  readonly index: number;
  readonly tasks: readonly PlannedTask[];
  readonly steps: readonly Step[];
}

export interface PlanOptions {
  readonly instances: number;
  /** One run in so many freezes an instance. */
  readonly freezeOneIn: number;
  readonly killOneIn: number;
}

export const KIND = 'quiz_generation';
const PROJECT = '7';
const SCOPES = [`project:${PROJECT}`, 'session:s', 'book:1'];
const POLICIES = ['continue', 'grace=20', 'grace=150', 'grace=400'] as const;
const FIRST_ISSUE = 1_700_000_000_000;

/** What happens in one run: the same for the same seed and index. */
export function planRun(seed: number, index: number, options: PlanOptions): Plan {
  const random = new Random(seed, index);
  const tasks = Array.from({ length: random.pick([1, 1, 1, 2, 2, 3]) }, () => planTask(random));
  return { seed, index, tasks, steps: new Planner(random, tasks, options).steps() };
}

function planTask(random: Random): PlannedTask {
  const deadline = random.chance(0.06) ? { deadlineMs: 20 + random.below(200) } : {};
  const policy = random.chance(0.3) ? { onDisconnect: random.pick(POLICIES) } : {};
  return { id: random.uuid(), scopes: random.some(SCOPES.slice(0, 2)), pace: planPace(random), ...deadline, ...policy };
}

function planPace(random: Random): Pace {
  const slowness = random.pick([0, 0, 5, 25]);
  const delays = [random.below(slowness + 1), random.below(slowness + 1), random.below(slowness + 1)] as const;
  const luck = random.next();
  if (luck < 0.3) return { delays, heldAt: { purpose: random.pick(PURPOSES), chunks: random.pick([0, 1, 5]) } };
  return luck < 0.36 ? { delays, failsAt: random.pick(PURPOSES) } : { delays };
}

/** Steps are listed in the order in which clients issue them; their moments let the network mix them up. */
class Planner {
  readonly #steps: Step[] = [];
  readonly #clocks = new Map<string, number>();

  constructor(
    private readonly random: Random,
    private readonly tasks: readonly PlannedTask[],
    private readonly options: PlanOptions,
  ) {}

  steps(): readonly Step[] {
    const { random } = this;
    const acts = this.tasks.flatMap((_, task) => this.#actsOn(task));
    const cancels = Array.from({ length: random.pick([0, 1, 1, 1, 2, 2, 3, 4]) }, () => () => this.#cancel());
    for (const act of random.shuffled([...acts, ...cancels])) act();
    this.#disturb('freeze', this.options.freezeOneIn);
    this.#disturb('kill', this.options.killOneIn);
    return this.#steps;
  }

  #actsOn(task: number): (() => void)[] {
    const { random } = this;
    const acts = [() => this.#create(task)];
    if (random.chance(0.3)) acts.push(() => this.#create(task));
    if (random.chance(0.1)) acts.push(() => void this.#steps.push({ do: 'create-other', task, ...this.#request() }));
    if (random.chance(0.25)) acts.push(() => void this.#steps.push({ do: 'look', task, ...this.#request() }));
    if (random.chance(0.3)) {
      acts.push(() => void this.#steps.push({ do: 'read', task, isAttached: random.chance(0.3), ...this.#request() }));
    }
    if (random.chance(0.1)) {
      acts.push(() => void this.#steps.push({ do: 'stranger', task, isPending: random.chance(0.5), ...this.#request() }));
    }
    return acts;
  }

  #create(task: number): void {
    const { random } = this;
    const step = this.#steps.push({
      do: 'create',
      task,
      ...this.#request(),
      ...(random.chance(0.6) && { at: { after: random.below(30) } }),
    });
    if (random.chance(0.2)) this.#steps.push({ do: 'hang-up', step: step - 1, at: this.#moment() });
  }

  #cancel(): void {
    const { random } = this;
    const cancelling = { ...this.#request(), waitMs: random.pick([0, 2000, 2000, 5000]) };
    const luck = random.next();
    if (luck < 0.5) this.#steps.push({ do: 'cancel', task: this.#task(), isPending: random.chance(0.4), ...cancelling });
    else if (luck < 0.62) this.#steps.push({ do: 'cancel-list', tasks: this.#someTasks(), ...cancelling });
    else if (luck < 0.72) this.#steps.push({ do: 'cancel-project', project: PROJECT, ...cancelling });
    else this.#steps.push({ do: 'cancel-many', ...this.#selection(), ...cancelling });
  }

  #selection(): { scope?: string; kind?: string } {
    const scope = this.random.pick(SCOPES);
    return this.random.pick([{ scope }, { scope }, { scope, kind: KIND }, { scope, kind: 'another_kind' }, { kind: KIND }]);
  }

  #disturb(what: 'freeze' | 'kill', oneIn: number): void {
    if (oneIn > 0 && this.random.chance(1 / oneIn)) this.#steps.push({ do: what, at: this.#moment(), via: this.#instance() });
  }

  #request(): Requested {
    return { at: this.#moment(), via: this.#instance(), ...this.#issuer() };
  }

  /** Some clients say who they are, and each of those has a clock of its own. */
  #issuer(): Issuer {
    const client = this.random.pick([undefined, 'a', 'a', 'b']);
    if (client === undefined) return {};
    const issuedAt = (this.#clocks.get(client) ?? FIRST_ISSUE) + 1;
    this.#clocks.set(client, issuedAt);
    return { client, issuedAt };
  }

  #moment(): Moment {
    const luck = this.random.next();
    if (luck < 0.5) return { after: this.random.below(60) };
    if (luck < 0.85 || this.#steps.length === 0) return { task: this.#task(), calls: this.random.pick(PURPOSES) };
    return { answered: this.random.below(this.#steps.length) };
  }

  #task(): number {
    return this.random.below(this.tasks.length);
  }

  #someTasks(): number[] {
    const all = this.tasks.map((_, task) => task);
    const some = this.random.some(all);
    return some.length > 0 ? some : all;
  }

  #instance(): number {
    return this.random.below(this.options.instances);
  }
}
