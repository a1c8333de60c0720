import { describe, expect, it } from '@jest/globals';
import type { Answer } from '../../src/testing/index.js';
import { quizOf } from '../support/lessons.js';
import type { AuditedTask, LedgerRow, Transition } from './audit.js';
import { Evidence } from './evidence.js';
import { violationsOf } from './invariants.js';
import { Scene } from './paced-model.js';
import type { Issuer, Request, Step } from './plan.js';
import type { PlayedRun, Taken } from './run.js';

const ID = '00000000-0000-4000-8000-000000000001';
const VIA = { at: { after: 0 }, via: 0 } as const;
const CREATE: Step = { do: 'create', task: 0, ...VIA };
const CANCEL: Step = { do: 'cancel', task: 0, isPending: false, waitMs: 0, ...VIA };
const scopeCancel = (issuer: Issuer = {}): Request => ({ do: 'cancel-many', scope: 'session:s', waitMs: 0, ...VIA, ...issuer });

function answered(step: Step, sentAt: number, answeredAt: number, status: number, body: object): Taken {
  const text = JSON.stringify(body);
  const answer: Answer = { status, headers: {}, text, json: () => JSON.parse(text) as never };
  return { step, sentAt, answeredAt, answer };
}

function changes(...states: readonly (readonly [at: number, became: string])[]): Transition[] {
  return states.map(([at, became], i) => ({ id: ID, at, was: states[i - 1]?.[1] ?? null, became, note: null }));
}

const RECEIPT = { stopped_at: '2026-01-01T00:00:00Z', calls_avoided: 3, zombies: [], confirmed: true };
const RESULT = { quiz: { id: 'quiz' } };
const BLANK: AuditedTask = {
  owner: 'owner',
  id: ID,
  kind: 'quiz_generation',
  state: 'completed',
  scopes: ['session:s', 'book:1'],
  input: quizOf(0) as { chapter_id: number },
  result: RESULT,
  error: null,
  cancel: null,
  receipt: null,
  client_id: null,
  issued_at: null,
  started_at: new Date(),
  planned_calls: 3,
};
const COMPLETED = {
  row: BLANK,
  transitions: changes([10, 'running'], [50, 'completed']),
  quizzes: [{ id: 'quiz', task_id: ID, questions: 1 }],
};
const CANCELLED = {
  row: { ...BLANK, state: 'cancelled', result: null, cancel: { cause: 'user', by: 'owner' }, receipt: RECEIPT },
  transitions: changes([10, 'running'], [30, 'cancelling'], [50, 'cancelled']),
  quizzes: [],
};

interface Case extends Partial<Omit<typeof COMPLETED, 'row'>> {
  readonly row?: AuditedTask;
  readonly taken: readonly Taken[];
  readonly ledger?: readonly LedgerRow[];
  readonly isDisturbed?: boolean;
  readonly onDisconnect?: 'continue';
  /** What the task tells at the end, on each instance. */
  readonly accounts?: readonly string[];
}

function faultsIn({
  row,
  transitions = [],
  quizzes = [],
  ledger = [],
  accounts = [],
  onDisconnect,
  taken,
  isDisturbed = false,
}: Case): string[] {
  const pace = { delays: [0, 0, 0] } as const;
  const run: PlayedRun = {
    plan: { seed: 1, index: 0, tasks: [{ id: ID, scopes: ['session:s'], pace, onDisconnect }], steps: taken.map(({ step }) => step) },
    owner: 'owner',
    stranger: 'stranger',
    taken,
    scenes: [new Scene(pace)],
    otherScenes: [new Scene(pace)],
    lessons: [0],
    records: { tasks: row ? [row] : [], transitions, ledger, quizzes },
    accounts: new Map([[ID, accounts]]),
    overdue: [],
    hasLostLease: false,
    wasTouched: isDisturbed,
    isDisturbed,
    isKilled: false,
  };
  return violationsOf(new Evidence(run)).map((fault) => fault.split(':')[0] ?? '');
}

const GOT_QUIZ = answered(CREATE, 5, 60, 200, RESULT);
const TOLD = answered(CREATE, 5, 60, 409, { code: 'task_cancelled' });
const STOPPED = answered(CANCEL, 25, 60, 200, { task_id: ID, status: 'cancelled' });
const call = (startedAt: number): LedgerRow => ({ task_id: ID, stage: 'generate_quiz', outcome: 'completed', prompt_tokens: 5, startedAt });

function account(...events: readonly (readonly [id: string, type: string])[]): string {
  return events.map(([id, type]) => `id: ${id}\nevent: ${type}\ndata: {"state":"completed"}\n\n`).join('');
}
const WHOLE = account(['1-1', 'task-start'], ['1-2', 'question'], ['2-0', 'task-end']);
const GAPPED = account(['1-1', 'task-start'], ['1-4', 'gap'], ['1-5', 'question'], ['2-0', 'task-end']);
const ACCOUNT = 'what a task tells has no hole that it does not tell of, ends as its row does, and is the same for all';

describe('the invariants', () => {
  it('hold for what is told whole, with comments in between, and with a gap after a disturbance', () => {
    const read = { ...answered({ do: 'read', task: 0, isAttached: false, ...VIA }, 5, 60, 200, {}) };
    const taken = [GOT_QUIZ, { ...read, answer: { ...read.answer!, text: `: \n\n${WHOLE}` } }];
    expect(faultsIn({ ...COMPLETED, taken, accounts: [WHOLE, WHOLE] })).toEqual([]);
    expect(faultsIn({ ...COMPLETED, taken, accounts: [GAPPED], isDisturbed: true })).toEqual([]);
  });

  it.each([
    ['a hole', [account(['1-1', 'task-start'], ['1-3', 'question'], ['2-0', 'task-end'])]],
    ['a double', [account(['1-1', 'task-start'], ['1-1', 'task-start'], ['2-0', 'task-end'])]],
    ['no end', [account(['1-1', 'task-start'])]],
    ['a gap for no reason', [GAPPED]],
    ['another end than the row', [WHOLE.replace('completed', 'failed').replaceAll('"state":"completed"', '"state":"failed"')]],
    ['another account on another instance', [WHOLE, account(['1-1', 'task-start'], ['2-0', 'task-end'])]],
  ])('catch an account with %s', (_, accounts) => {
    expect(faultsIn({ ...COMPLETED, taken: [GOT_QUIZ], accounts })).toEqual([ACCOUNT]);
  });

  it('hold for a quiz that was made, and for one that was cancelled', () => {
    expect(faultsIn({ ...COMPLETED, taken: [GOT_QUIZ] })).toEqual([]);
    expect(faultsIn({ ...CANCELLED, taken: [TOLD, STOPPED] })).toEqual([]);
  });

  it.each<[string, Case]>([
    [
      'states change as the state machine says, and terminal is terminal',
      { ...COMPLETED, transitions: changes([10, 'running'], [30, 'cancelling'], [50, 'completed']), taken: [GOT_QUIZ] },
    ],
    [
      'states change as the state machine says, and terminal is terminal',
      {
        ...COMPLETED,
        transitions: [...COMPLETED.transitions, { id: ID, at: 70, was: 'completed', became: 'completed', note: 'rewritten' }],
        taken: [],
      },
    ],
    ['nothing is live at the end', { row: { ...BLANK, state: 'running', result: null }, transitions: changes([10, 'running']), taken: [] }],
    [
      'no call begins after the end',
      { ...CANCELLED, ledger: [call(51)], taken: [STOPPED], row: { ...CANCELLED.row, receipt: { ...RECEIPT, calls_avoided: 2 } } },
    ],
    [
      'every call is in the books, and the books are closed',
      { ...COMPLETED, ledger: [{ ...call(20), outcome: 'open' }], taken: [GOT_QUIZ] },
    ],
    [
      'a cancel that was acknowledged is not lost',
      { ...COMPLETED, taken: [answered(CANCEL, 25, 40, 202, { task_id: ID, status: 'cancelling' })] },
    ],
    [
      'a cancel that was acknowledged is not lost',
      { ...CANCELLED, taken: [answered(CANCEL, 25, 35, 200, { task_id: ID, status: 'cancelled' })] },
    ],
    [
      'a cancel that was acknowledged is not lost',
      { ...CANCELLED, taken: [answered(CANCEL, 25, 60, 200, { task_id: ID, status: 'already_completed' })] },
    ],
    [
      'a cancel of a scope stops what its client had issued before it, and nothing that it issues later',
      {
        ...COMPLETED,
        row: { ...BLANK, client_id: 'a', issued_at: '1' },
        taken: [answered(scopeCancel({ client: 'a', issuedAt: 2 }), 1, 5, 200, { tasks: [] })],
      },
    ],
    [
      'a task that names no client is stopped by a scope cancel that came shortly before it',
      { ...COMPLETED, taken: [answered(scopeCancel(), 1, 4, 200, { tasks: [] }), GOT_QUIZ] },
    ],
    [
      'what was stopped before it began did no work',
      { ...CANCELLED, transitions: changes([10, 'cancelled']), ledger: [call(5)], taken: [STOPPED] },
    ],
    ['a known id is never unknown', { ...COMPLETED, taken: [GOT_QUIZ, answered(CANCEL, 61, 62, 404, {})] }],
    ['a completed task has its quiz, and no other has one', { ...COMPLETED, quizzes: [], taken: [GOT_QUIZ] }],
    ['a completed task has its quiz, and no other has one', { ...CANCELLED, quizzes: COMPLETED.quizzes, taken: [STOPPED] }],
    ['whoever asked for the quiz is told the truth', { ...COMPLETED, taken: [TOLD] }],
    ['whoever asked for the quiz is told the truth', { ...COMPLETED, taken: [answered(CREATE, 5, 60, 200, { quiz: { id: 'another' } })] }],
    [
      'clicks get equal answers once it has stopped',
      { ...CANCELLED, taken: [STOPPED, answered(CANCEL, 65, 70, 200, { task_id: ID, status: 'cancelled', reason: 'another' })] },
    ],
    ['nothing is stopped or fails without a reason', { ...CANCELLED, taken: [TOLD] }],
    [
      'what was to go on without a client is not stopped for want of one',
      { ...CANCELLED, row: { ...CANCELLED.row, cancel: { cause: 'client_disconnect' } }, onDisconnect: 'continue', taken: [STOPPED] },
    ],
    [
      'nothing is stopped or fails without a reason',
      {
        ...CANCELLED,
        row: { ...CANCELLED.row, cancel: { cause: 'scope' }, client_id: 'a', issued_at: '2' },
        taken: [answered(scopeCancel({ client: 'a', issuedAt: 1 }), 20, 60, 200, { tasks: [] })],
      },
    ],
    [
      'a receipt says what happened',
      { ...CANCELLED, row: { ...CANCELLED.row, receipt: { ...RECEIPT, confirmed: false } }, taken: [STOPPED] },
    ],
    [
      'a receipt says what happened',
      { ...CANCELLED, row: { ...CANCELLED.row, receipt: { ...RECEIPT, calls_avoided: 1 } }, taken: [STOPPED] },
    ],
  ])('catch what breaks: %s', (invariant, planted) => {
    expect(faultsIn(planted)).toContain(invariant);
  });
});
