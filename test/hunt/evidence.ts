import { lessonOfChapter } from '../support/lessons.js';
import { isEnd, type AuditedTask, type LedgerRow, type StoredQuiz, type Transition } from './audit.js';
import type { Scene, SeenCall } from './paced-model.js';
import { KIND, type PlannedTask, type Request } from './plan.js';
import { isCreate } from './requests.js';
import type { PlayedRun, Taken } from './run.js';

/** A request that was sent, and may have been answered. */
export type Asked = Taken & { readonly step: Request; readonly sentAt: number };

/** What one cancel said of one task. */
export interface Said {
  readonly by: Asked;
  readonly status: string;
  readonly answeredAt: number;
  /** The whole answer about this task, where the route gives one. */
  readonly answer?: Readonly<Record<string, unknown>>;
}

/** A cancel of many that was answered. */
export interface ManySaid {
  readonly by: Asked;
  readonly scope?: string;
  readonly kind?: string;
  readonly client?: string;
  readonly issuedAt?: number;
  readonly answeredAt: number;
}

/** All that is known of one planned task. */
export class TaskEvidence {
  readonly row?: AuditedTask;
  readonly transitions: readonly Transition[];
  readonly ledger: readonly LedgerRow[];
  readonly quizzes: readonly StoredQuiz[];
  /** Requests that were to create it, with either body. */
  readonly creates: readonly Asked[];
  /** What cancels said of it by its id. */
  readonly said: readonly Said[];
  /** Calls at the model for the body that it was made with, and for the other one. */
  readonly calls: readonly SeenCall[];
  readonly otherCalls: readonly SeenCall[];
  readonly isMadeOfOtherBody: boolean;

  constructor(
    readonly planned: PlannedTask,
    index: number,
    run: PlayedRun,
    asked: readonly Asked[],
  ) {
    const { id } = planned;
    const { tasks, transitions, ledger, quizzes } = run.records;
    this.row = tasks.find((row) => row.id === id);
    this.transitions = transitions.filter((each) => each.id === id);
    this.ledger = ledger.filter(({ task_id }) => task_id === id);
    this.quizzes = quizzes.filter(({ task_id }) => task_id === id);
    this.creates = asked.filter(({ step }) => isCreate(step) && step.task === index);
    this.said = asked.flatMap((each) => saidOf(each, id, index));
    const lesson = this.row?.input ? lessonOfChapter(this.row.input.chapter_id) : run.lessons[index];
    this.isMadeOfOtherBody = lesson !== run.lessons[index];
    const scenes: (Scene | undefined)[] = [run.scenes[index], run.otherScenes[index]];
    const [own, other] = this.isMadeOfOtherBody ? scenes.reverse() : scenes;
    this.calls = own?.calls ?? [];
    this.otherCalls = other?.calls ?? [];
  }

  get id(): string {
    return this.planned.id;
  }

  get state(): string | undefined {
    return this.row?.state;
  }

  /** The change that ended it. */
  get end(): Transition | undefined {
    return this.transitions.find(({ became, note }) => note === null && isEnd(became));
  }

  /** It did work: it was not stopped before it began. */
  get hasBegun(): boolean {
    return this.transitions.some(({ became }) => became === 'running');
  }

  /** Calls in the books that left for the model. */
  get sent(): readonly LedgerRow[] {
    return this.ledger.filter(({ outcome, prompt_tokens }) => outcome !== 'aborted' || prompt_tokens > 0);
  }

  /** Whether a cancel of many means this task, as far as scope and kind go. */
  isMeantBy({ scope, kind }: { readonly scope?: string; readonly kind?: string }): boolean {
    const scopes = this.row?.scopes ?? [...this.planned.scopes, 'book:1'];
    return (scope === undefined || scopes.includes(scope)) && (kind === undefined || kind === KIND);
  }

  /** By its client's own clock this task was issued after that cancel; `undefined` where the two do not compare. */
  isIssuedAfter({ client, issuedAt }: { readonly client?: string; readonly issuedAt?: number }): boolean | undefined {
    const { client_id, issued_at } = this.row ?? {};
    if (client === undefined || issuedAt === undefined || client_id !== client) return undefined;
    return Number(issued_at) > issuedAt;
  }

  /** It was there, as everybody could see, before that moment. */
  isKnownBefore(at: number): boolean {
    const answered = [...this.creates.filter(speaksOfATask), ...this.said.filter(({ status }) => status !== 'not_found')];
    const moments = [...answered.map(({ answeredAt }) => answeredAt), ...[...this.calls, ...this.otherCalls].map((call) => call.arrivedAt)];
    return moments.some((moment) => moment !== undefined && moment < at);
  }
}

/** A run as evidence, task by task. */
export class Evidence {
  readonly asked: readonly Asked[];
  readonly tasks: readonly TaskEvidence[];
  readonly many: readonly ManySaid[];

  constructor(readonly run: PlayedRun) {
    this.asked = run.taken.filter(isAsked);
    this.tasks = run.plan.tasks.map((task, i) => new TaskEvidence(task, i, run, this.asked));
    this.many = this.asked.flatMap(manySaidBy);
  }

  /** Cancels of many, answered or not: what may have reached a task. */
  get manySent(): (Asked & { step: Extract<Request, { do: 'cancel-many' | 'cancel-project' }> })[] {
    return this.asked.filter(isMany);
  }
}

/** A deadline or a mix-up may pass before there is anything to know. */
function speaksOfATask({ answer }: Asked): boolean {
  return answer?.status === 200 || answer?.json<{ code: string }>().code === 'task_cancelled';
}

function isAsked(taken: Taken): taken is Asked {
  const { do: what } = taken.step;
  return taken.sentAt !== undefined && what !== 'hang-up' && what !== 'freeze' && what !== 'kill';
}

function isMany(asked: Asked): asked is Asked & { step: Extract<Request, { do: 'cancel-many' | 'cancel-project' }> } {
  return asked.step.do === 'cancel-many' || asked.step.do === 'cancel-project';
}

export function selectionOf(step: Extract<Request, { do: 'cancel-many' | 'cancel-project' }>): { scope?: string; kind?: string } {
  return step.do === 'cancel-project' ? { scope: `project:${step.project}` } : { scope: step.scope, kind: step.kind };
}

function manySaidBy(by: Asked): ManySaid[] {
  if (!isMany(by) || by.answer?.status !== 200 || by.answeredAt === undefined) return [];
  const { client, issuedAt } = by.step;
  return [{ by, ...selectionOf(by.step), client, issuedAt, answeredAt: by.answeredAt }];
}

interface ListAnswer {
  readonly tasks: readonly (Readonly<Record<string, unknown>> & { readonly task_id: string; readonly status: string })[];
}

/** A project's answer lists ids alone, of what is cancelled or cancelling. */
function saidOf(by: Asked, id: string, index: number): Said[] {
  const { step, answer, answeredAt } = by;
  if (!answer || answeredAt === undefined) return [];
  if (step.do === 'cancel-list' || step.do === 'cancel-many') {
    if (answer.status !== 200) return [];
    const { tasks } = answer.json<ListAnswer>();
    return tasks.filter(({ task_id }) => task_id === id).map((each) => ({ by, status: each.status, answeredAt, answer: each }));
  }
  if (step.do === 'cancel-project') {
    const { task_ids } = answer.json<{ task_ids?: string[] }>();
    return task_ids?.includes(id) ? [{ by, status: 'stopping', answeredAt }] : [];
  }
  if (step.do !== 'cancel' || step.task !== index) return [];
  const body = answer.json<{ status: string | number; code?: string }>();
  if (answer.status === 404) return [{ by, status: 'not_found', answeredAt }];
  // No acknowledgement. Whether it was to be expected is looked at where statuses are.
  if (body.code === 'database_unavailable') return [];
  return [{ by, status: String(body.status), answeredAt, answer: { ...body } }];
}
