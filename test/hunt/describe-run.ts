import type { Evidence, TaskEvidence } from './evidence.js';
import type { Taken } from './run.js';

interface Event {
  readonly at: number;
  readonly text: string;
}

/** What happened in a run, in the order of the one clock that everybody reads: milliseconds from its first step. */
export function describeRun({ run, tasks }: Evidence): string {
  const events = [...run.taken.flatMap(eventsOf), ...tasks.flatMap(eventsOfTask)].sort((a, b) => a.at - b.at);
  const from = events[0]?.at ?? 0;
  const planned = run.plan.tasks.map(({ id, ...rest }, i) => `  task ${i} ${id} ${JSON.stringify(rest)}`);
  const happened = events.map(({ at, text }) => `  ${(at - from).toFixed(1).padStart(8)} ${text}`);
  return [`run ${run.plan.index} of seed ${run.plan.seed}${run.isDisturbed ? ', disturbed' : ''}`, ...planned, ...happened].join('\n');
}

function eventsOf({ step, sentAt, answeredAt, answer, end }: Taken, i: number): Event[] {
  const sent = sentAt === undefined ? [] : [{ at: sentAt, text: `step ${i} → ${JSON.stringify(step)}` }];
  const said = answer ? `${answer.status} ${answer.text.slice(0, 160)}` : (end ?? 'done');
  return answeredAt === undefined ? sent : [...sent, { at: answeredAt, text: `step ${i} ← ${said}` }];
}

function eventsOfTask({ transitions, ledger, calls, otherCalls }: TaskEvidence, i: number): Event[] {
  return [
    ...transitions.map(({ at, was, became, note }) => ({ at, text: `task ${i} row ${was ?? ''} → ${became} ${note ?? ''}` })),
    ...ledger.map(({ startedAt, stage, outcome, prompt_tokens }) => ({
      at: startedAt,
      text: `task ${i} books ${stage}: ${outcome}, ${prompt_tokens} prompt tokens`,
    })),
    ...[...calls, ...otherCalls].flatMap(({ purpose, arrivedAt, endedAt, call }) => [
      { at: arrivedAt, text: `task ${i} model ← ${purpose}` },
      { at: endedAt ?? Infinity, text: `task ${i} model   ${purpose} ${call.outcome ?? 'goes on'}` },
    ]),
  ];
}
