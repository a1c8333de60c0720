import { isDeepStrictEqual } from 'node:util';
import { next, TASK_EVENTS, type TaskState } from '../../src/tasks/task-state.js';
import { eventsOf, faultOf } from './account.js';
import { isEnd, type Transition } from './audit.js';
import { selectionOf, type Asked, type Evidence, type ManySaid, type Said, type TaskEvidence } from './evidence.js';

/** Two processes read one clock, and one of them rounds to a millisecond. */
const CLOCK_MS = 5;
/** A call that left the owner before the end may be read at the model after it, on a machine that does other things too. */
const ARRIVAL_MS = 1000;

type Invariant = (task: TaskEvidence, evidence: Evidence) => (string | false | undefined)[];

/** What must hold whatever happens, and whenever. Each says what breaks it. */
const INVARIANTS: Readonly<Record<string, Invariant>> = {
  'states change as the state machine says, and terminal is terminal': ({ transitions }) => [
    ...transitions.map((each) => !isLegal(each) && `${each.was ?? 'nothing'} → ${each.became} (${each.note ?? 'a change of state'})`),
    transitions.filter(({ became, note }) => note === null && isEnd(became)).length > 1 && 'two terminal states',
  ],

  'nothing is live at the end': ({ row }) => [row && !isEnd(row.state) && `it is ${row.state}`],

  'no call begins after the end': ({ end, sent, calls }) => [
    ...sent.map(({ stage, startedAt }) => end && startedAt > end.at && `${stage} began ${startedAt - end.at} ms after ${end.became}`),
    ...calls.map(
      ({ purpose, arrivedAt }) =>
        end && arrivedAt > end.at + ARRIVAL_MS && `${purpose} came to the model ${arrivedAt - end.at} ms after ${end.became}`,
    ),
  ],

  'every call is in the books, and the books are closed': ({ calls, otherCalls, sent, ledger }, { run }) => [
    calls.length > sent.length && `${calls.length} calls at the model, ${sent.length} in the books`,
    otherCalls.length > 0 && `${otherCalls.length} calls for a body that was refused`,
    !run.isKilled && ledger.some(({ outcome }) => outcome === 'open') && 'a row is open',
  ],

  'a call has ended when its task has': ({ calls, end }, { run }) => [
    ...calls.map(
      ({ purpose, call }) => end !== undefined && !run.isKilled && call.outcome === undefined && `${purpose} goes on at the model`,
    ),
  ],

  'a cancel that was acknowledged is not lost': (task) => task.said.map((said) => lost(task, said)),

  'a cancel of many reaches everything that is there': (task, { many }) => many.map((cancel) => missed(task, cancel)),

  'a cancel of a scope stops what its client had issued before it, and nothing that it issues later': (task, { many }) =>
    many.map((cancel) => outOfOrder(task, cancel)),

  'a task that names no client is stopped by a scope cancel that came shortly before it': (task, evidence) =>
    evidence.many.map((cancel) => blindlyMissed(task, cancel, evidence)),

  'what was stopped before it began did no work': (task) => [
    task.state === 'cancelled' && !task.hasBegun && task.ledger.length > 0 && `${task.ledger.length} calls in the books`,
    task.state === 'cancelled' && !task.hasBegun && task.calls.length > 0 && `${task.calls.length} calls at the model`,
  ],

  'a known id is never unknown': (task, { asked, tasks }) => [
    ...task.said.map(({ by, status }) => status === 'not_found' && task.isKnownBefore(by.sentAt) && describeAsked(by)),
    ...asked
      .filter(({ step }) => step.do === 'look' && tasks[step.task] === task)
      .map((look) => look.answer?.status === 404 && task.isKnownBefore(look.sentAt) && describeAsked(look)),
  ],

  'a completed task has its quiz, and no other has one': ({ state, row, quizzes }) =>
    state === 'completed'
      ? [
          (quizzes.length !== 1 || quizzes[0]?.questions !== 1) && `its quizzes: ${JSON.stringify(quizzes)}`,
          row?.result?.quiz.id !== quizzes[0]?.id && 'its result is another quiz than the one stored',
        ]
      : [quizzes.length > 0 && `it is ${state ?? 'not there'} and has a quiz`, Boolean(row?.result) && 'it has a result'],

  'whoever asked for the quiz is told the truth': (task, evidence) => task.creates.map((create) => untrue(task, create, evidence)),

  // But for what late work of a vanished owner has cost: that is booked whenever it comes.
  'clicks get equal answers once it has stopped': ({ said, row }) => {
    const final = said.filter(({ status, answer }) => answer && (status === 'cancelled' || status.startsWith('already')));
    const isConfirmed = row?.receipt?.confirmed !== false;
    const told = final.map(({ answer }) => (isConfirmed ? answer : { ...answer, usage: undefined }));
    return final.map(({ by }, i) => !isDeepStrictEqual(told[i], told[0]) && describeAsked(by));
  },

  'nothing is stopped or fails without a reason': (task, evidence) => [unexplained(task, evidence)],

  'a receipt says what happened': (task, { run }) => receiptFaults(task, run.isDisturbed),

  'what was to go on without a client is not stopped for want of one': ({ planned, row }) => [
    planned.onDisconnect === 'continue' && row?.cancel?.cause === 'client_disconnect' && 'its clients had left',
  ],

  'what a task tells has no hole that it does not tell of, ends as its row does, and is the same for all': (task, evidence) =>
    mistold(task, evidence),

  'every request is answered as foreseen': (task, { run }) =>
    task.creates.map((create) => create.end === 'lost' && !run.isKilled && `no answer: ${describeAsked(create)}`),
};

/** What of all that must hold did not. */
export function violationsOf(evidence: Evidence): string[] {
  const { run, tasks, asked } = evidence;
  return [
    ...run.overdue,
    ...asked.flatMap((each) => surprise(each, run) ?? []),
    ...Object.entries(INVARIANTS).flatMap(([name, holds]) =>
      tasks.flatMap((task, i) =>
        holds(task, evidence)
          .filter((fault) => typeof fault === 'string')
          .map((fault) => `${name}: task ${i}: ${fault}`),
      ),
    ),
  ];
}

function isLegal({ was, became, note }: Transition): boolean {
  if (note !== null) return note === 'claimed';
  if (was === null) return became === 'running' || became === 'queued' || became === 'cancelled';
  return TASK_EVENTS.some((event) => next(was as TaskState, event) === became);
}

/** What each word of an answer promises about the end. */
const PROMISES: Readonly<Record<string, readonly string[]>> = {
  cancelled: ['cancelled'],
  pending: ['cancelled'],
  cancelling: ['cancelled', 'failed'],
  stopping: ['cancelled', 'failed'],
  already_completed: ['completed'],
  already_failed: ['failed'],
};
const FINAL = new Set(['cancelled', 'pending', 'already_completed', 'already_failed']);

function lost(task: TaskEvidence, { status, by, answeredAt }: Said): string | undefined {
  if (status === 'not_found') return undefined;
  const promised = PROMISES[status];
  if (!promised?.includes(task.state ?? '')) return `${describeAsked(by)} said ${status}, it ended ${task.state ?? 'not at all'}`;
  if (FINAL.has(status) && (task.end?.at ?? Infinity) > answeredAt + CLOCK_MS) return `${status} was said before it was so`;
  if (status === 'pending' && task.hasBegun) return 'it began, though its cancel had come first';
  return undefined;
}

/** It ran when the cancel was sent, and completed after the cancel was answered. */
function missed(task: TaskEvidence, cancel: ManySaid): string | false {
  if (!task.isMeantBy(cancel) || task.isIssuedAfter(cancel)) return false;
  const ran = task.calls.some(({ arrivedAt }) => arrivedAt < cancel.by.sentAt);
  return ran && task.state === 'completed' && isAfter(task, cancel.answeredAt) && describeAsked(cancel.by);
}

function outOfOrder(task: TaskEvidence, cancel: ManySaid): string | false {
  if (cancel.scope === undefined || !task.isMeantBy(cancel)) return false;
  const isLater = task.isIssuedAfter(cancel);
  if (isLater === false && task.state === 'completed' && isAfter(task, cancel.answeredAt)) {
    return `it completed, and was issued before ${describeAsked(cancel.by)}`;
  }
  return false;
}

/** The only one that a mark could have caught, and it was not. */
function blindlyMissed(task: TaskEvidence, cancel: ManySaid, { many, tasks }: Evidence): string | false {
  if (cancel.scope === undefined || !task.isMeantBy(cancel) || !task.hasBegun) return false;
  const isBlind = ({ creates }: TaskEvidence): boolean => creates.some(({ step }) => !('client' in step));
  // A cancel that finds any task to stop is for that one.
  const couldSpend = tasks.filter((other) => other.isMeantBy(cancel));
  const [create] = task.creates;
  if (many.length > 1 || couldSpend.length > 1 || task.creates.length > 1 || !create || !isBlind(task)) return false;
  return create.sentAt > cancel.answeredAt && create.sentAt < cancel.answeredAt + 1000 && 'it began';
}

function isAfter({ end }: TaskEvidence, moment: number): boolean {
  return end !== undefined && end.at > moment + CLOCK_MS;
}

/** A tombstone that was given the face of its task tells of that afterwards. Late work of a vanished owner is booked whenever it comes. */
function mistold(task: TaskEvidence, { asked, tasks, run }: Evidence): (string | undefined)[] {
  const isClaimed = task.transitions.some(({ note }) => note === 'claimed');
  const reads = asked.filter(({ step, answer }) => step.do === 'read' && tasks[step.task] === task && answer?.status === 200);
  const texts = [...(run.accounts.get(task.id) ?? []), ...reads.map(({ answer }) => answer?.text ?? '')];
  const faults = texts.map((text) => faultOfText(text, task, run.isDisturbed));
  const isSame = new Set(texts.map(withoutComments)).size < 2;
  return [...faults, isSame || isClaimed || run.isDisturbed ? undefined : `it is told in ${texts.length} ways: ${texts.join(' | ')}`];
}

function faultOfText(text: string, { state }: TaskEvidence, isDisturbed: boolean): string | undefined {
  const events = eventsOf(text);
  if (!isDisturbed && events.some(({ type }) => type === 'gap')) return 'it tells of a gap';
  const told = events.at(-1)?.data.state;
  return faultOf(events) ?? (told === state ? undefined : `it tells that it ended ${String(told)}`);
}

function withoutComments(text: string): string {
  return text
    .split('\n\n')
    .filter((block) => !block.startsWith(':'))
    .join('\n\n');
}

interface CreateAnswer {
  readonly code?: string;
  readonly detail?: string;
}

function untrue(task: TaskEvidence, create: Asked, { run }: Evidence): string | false {
  const { answer, step } = create;
  if (!answer) return false;
  const body = answer.json<CreateAnswer>();
  const said = `${describeAsked(create)} was answered ${answer.status} ${body.code ?? ''} ${body.detail ?? ''}`;
  if (isUndone(body.code, run)) return false;
  const isOwnBody = (step.do === 'create-other') === task.isMadeOfOtherBody;
  if (!isOwnBody) return !isRefusal(body.code, task.state) && `${said}, with another body`;
  if (answer.status === 200) return !isDeepStrictEqual(body, task.row?.result) && `${said}, which is not the stored result`;
  // A deadline is also how long a retry waits: it may pass before there is a task, or while another instance works on it.
  if (body.code === 'deadline_exceeded') return task.planned.deadlineMs === undefined && said;
  const ends = ENDS_OF_CODES[body.code ?? ''];
  // What failed on an instance that stood still was given up by the others, and both are true.
  const isFailureOfFrozen = body.code === 'upstream_error' && task.state === 'cancelled' && task.row?.receipt?.confirmed === false;
  if (!ends?.includes(task.state ?? '') && !isFailureOfFrozen) return `${said}, it ended ${task.state ?? 'not at all'}`;
  return body.code === 'owner_lost' && !run.isDisturbed && said;
}

/** A transaction in which an instance stood still too long was undone, and its client is told to try again: nothing was acknowledged. */
function isUndone(code: string | undefined, { isDisturbed }: Evidence['run']): boolean {
  return isDisturbed && code === 'database_unavailable';
}

/** A body that is not the task's own makes nothing; whoever is quick may be told of the cancel before the mix-up. */
function isRefusal(code: string | undefined, state: string | undefined): boolean {
  return code === 'task_exists' || code === 'deadline_exceeded' || (code === 'task_cancelled' && state === 'cancelled');
}

/** As what a task may end whose client is told so. */
const ENDS_OF_CODES: Readonly<Record<string, readonly string[]>> = {
  task_cancelled: ['cancelled'],
  owner_lost: ['failed', 'cancelled'],
  upstream_error: ['failed'],
};

function unexplained(task: TaskEvidence, { asked, manySent, run }: Evidence): string | false {
  const { row, planned, said, creates } = task;
  if (row?.state === 'failed') {
    const { code } = row.error ?? {};
    const isForeseen = code === 'upstream_error' ? planned.pace.failsAt !== undefined : code === 'owner_lost' && run.isDisturbed;
    return !isForeseen && `it failed: ${JSON.stringify(row.error)}`;
  }
  if (row?.state !== 'cancelled') return false;
  const sentById = asked.some(({ step }) => meansById(step, run.plan.tasks.indexOf(planned)));
  const sentByScope = manySent.filter(({ step }) => task.isMeantBy(selectionOf(step)));
  switch (row.cancel?.cause) {
    case 'user':
      return !sentById && said.length === 0 && 'cancelled by the user, who had not asked for it';
    case 'scope':
      return (
        !sentByScope.some(({ step }) => !(selectionOf(step).scope !== undefined && task.isIssuedAfter(step))) &&
        describeScopes(task, sentByScope)
      );
    case 'client_disconnect':
      return !creates.some(({ end }) => end === 'hung-up' || (end === 'lost' && run.isKilled)) && 'cancelled, and nobody had hung up';
    case 'deadline':
      return planned.deadlineMs === undefined && 'cancelled by a deadline that it did not have';
    case 'lease_lost':
      return !run.isDisturbed && 'lost its lease without a disturbance';
    default:
      return `cancelled for ${String(row.cancel?.cause)}`;
  }
}

function describeScopes({ row }: TaskEvidence, cancels: readonly Asked[]): string {
  const task = `issued by ${row?.client_id ?? 'nobody'} at ${row?.issued_at ?? 'no time'}`;
  return `cancelled by a scope, ${task}, and only these cancels were sent: ${cancels.map(describeAsked).join('; ')}`;
}

function meansById(step: Asked['step'], index: number): boolean {
  return (step.do === 'cancel' && step.task === index) || (step.do === 'cancel-list' && step.tasks.includes(index));
}

function receiptFaults({ row, hasBegun, sent }: TaskEvidence, isDisturbed: boolean): (string | false)[] {
  if (row?.state !== 'cancelled') return [row?.state === 'completed' && row.receipt !== null && 'a receipt of a completed task'];
  const { receipt } = row;
  if (!receipt) return [row.input !== null && 'no receipt'];
  const avoided = row.planned_calls - new Set(sent.map(({ stage }) => stage)).size;
  return [
    !receipt.confirmed && !isDisturbed && 'not confirmed, and no owner was gone',
    receipt.zombies.length > 0 && !isDisturbed && `zombies: ${receipt.zombies.join(', ')}`,
    receipt.confirmed && receipt.calls_avoided !== avoided && `calls_avoided is ${receipt.calls_avoided}, it avoided ${avoided}`,
    !hasBegun && receipt.calls_avoided !== row.planned_calls && 'it never began, and did not avoid all',
  ];
}

/** Statuses that no request here should ever be answered with. */
function surprise(asked: Asked, run: Evidence['run']): string | undefined {
  const { step, answer, end } = asked;
  if (!answer) return end === 'lost' && !run.isKilled ? `the connection broke: ${describeAsked(asked)}` : undefined;
  const expected = STATUSES[step.do];
  if (answer.status >= 400 && isUndone(answer.json<CreateAnswer>().code, run)) return undefined;
  return expected.includes(answer.status) ? undefined : `${describeAsked(asked)} was answered ${answer.status} ${answer.text}`;
}

const STATUSES: Readonly<Record<Asked['step']['do'], readonly number[]>> = {
  create: [200, 409, 502, 503, 504],
  'create-other': [200, 409, 502, 503, 504],
  look: [200, 404],
  read: [200, 404],
  stranger: [202, 404],
  cancel: [200, 202, 404],
  'cancel-list': [200],
  'cancel-many': [200],
  'cancel-project': [200],
};

function describeAsked({ step, sentAt, answeredAt }: Asked): string {
  return `${JSON.stringify(step)} (sent ${sentAt % 1_000_000}, answered ${answeredAt === undefined ? 'never' : answeredAt % 1_000_000})`;
}
