import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { openBenchDatabase } from '../harness/bench-database.js';
import { Child } from '../harness/child.js';
import type { SavingsApp } from './app.js';
import { JournallingModel, type JournalEntry } from './journalling-model.js';
import type { LedgerRow } from './ledger.repository.js';
import type { PlannedQuiz } from './plan.js';
import { QuizClient, type Outcome } from './quiz-client.js';

/** One run of the month, and the books that it left. */
export interface Replay {
  readonly plan: readonly PlannedQuiz[];
  readonly outcomes: readonly Outcome[];
  readonly ledger: readonly LedgerRow[];
  readonly journal: readonly JournalEntry[];
  readonly hungUp: number;
  readonly stored: number;
  readonly database: string;
  readonly seconds: number;
}

const CONCURRENCY = 16;
const POLL_MS = 200;
const LONGEST_SETTLING_MS = 60_000;

/** Replays the month through the real app, which hears of a hang-up (`abort`) or does not (`ignore`). */
export async function replay(plan: readonly PlannedQuiz[], propagation: 'abort' | 'ignore'): Promise<Replay> {
  const startedAt = performance.now();
  await using resources = new AsyncDisposableStack();
  const database = resources.use(await openBenchDatabase(`savings_${propagation}`));
  const model = resources.use(new JournallingModel(plan, (index) => client.hangUp(index)));
  const app = resources.use(new Child<SavingsApp>(new URL('./app.js', import.meta.url)));
  const url = await app.call('start', await model.start(), { ...database.env, DISCONNECT_PROPAGATION: propagation });
  const client = resources.use(await openClient(app, url, plan));
  app.on('arrived', (index) => {
    if (plan[index as number]?.hangUp?.moment === 'before the first LLM call') client.hangUp(index as number);
  });
  const outcomes = await playAll(plan, client);
  const stored = await settle(app, propagation === 'abort' ? plan.length - client.hungUp : plan.length);
  const ledger = await app.call('ledger');
  const seconds = (performance.now() - startedAt) / 1000;
  return { plan, outcomes, ledger, journal: model.journal, hungUp: client.hungUp, stored, database: database.description, seconds };
}

async function openClient(app: Child<SavingsApp>, url: string, plan: readonly PlannedQuiz[]): Promise<QuizClient> {
  const users = [...new Set(plan.map(({ user }) => user))];
  const tokens = await app.call('tokens', users);
  return new QuizClient(url, new Map(users.map((user, i) => [user, tokens[i] ?? ''])));
}

/** So many at a time, in the order of the plan. */
async function playAll(plan: readonly PlannedQuiz[], client: QuizClient): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  const queue = plan.values();
  const work = async (): Promise<void> => {
    for (const quiz of queue) outcomes[quiz.index] = await client.generate(quiz);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return outcomes;
}

/** Waits until no call is in flight and all quizzes that anybody still works on are stored. Resolves with how many there are. */
async function settle(app: Child<SavingsApp>, expected: number): Promise<number> {
  const deadline = performance.now() + LONGEST_SETTLING_MS;
  for (;;) {
    const { open, stored } = await app.call('progress');
    if (open === 0 && stored >= expected) return stored;
    if (performance.now() > deadline) throw new Error(`${open} calls are open and ${stored} of ${expected} quizzes stored.`);
    await delay(POLL_MS);
  }
}
