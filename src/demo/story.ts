import { performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import { eventually, type SocketClient } from '../testing/index.js';
import type { Bill } from './bill.js';
import type { DemoApp } from './demo-app.js';
import type { LogLine } from './log-tap.js';
import { bookings, faint, happening, heading, question, say, seconds, strong, sum } from './print.js';
import { timelineOf } from './timeline.js';

const ROUTE = '/api/quizzes/generate';
const MODEL_ROUTE = '/v1/chat/completions';
const QUIZ = { book_id: 1, chapter_id: 101, exercise_type: 'vocabulary', question_count: 3 };
const PATIENCE_MS = 1500;

interface Generated {
  readonly task_id: string;
  readonly quiz: { readonly questions: readonly { readonly prompt: string; readonly options: readonly string[] | null }[] };
}

export function introduce(): void {
  say('', heading('Hangup: when the client hangs up, the work stops.'));
}

export async function tell(app: DemoApp): Promise<void> {
  setTheScene(app);
  const whole = await aQuizIsMade(app);
  const rest = await aQuizIsHungUp(app, whole);
  conclude(whole, rest);
}

function setTheScene({ startedInMs }: DemoApp): void {
  say(faint(`Up in ${seconds(startedInMs)}: embedded PostgreSQL in memory, a rule-based model at a human pace, real sockets in between.`));
}

async function aQuizIsMade(app: DemoApp): Promise<Bill> {
  say('', heading('1  Ada asks for a quiz, and waits for it'), `   POST ${ROUTE} ${JSON.stringify(QUIZ)}`);
  const { generated, ms } = await generate(await app.client('ada'));
  const bill = await app.ledger.billOf(generated.task_id);
  say(...generated.quiz.questions.map(question), `   200 after ${seconds(ms)}: ${sum(bill)}`);
  return bill;
}

async function generate(client: SocketClient): Promise<{ generated: Generated; ms: number }> {
  const from = performance.now();
  const answer = await client.post(ROUTE, QUIZ).answer;
  if (answer?.status !== 200) throw new Error(`The quiz could not be made: ${answer?.status} ${answer?.text}`);
  return { generated: answer.json<Generated>(), ms: performance.now() - from };
}

async function aQuizIsHungUp(app: DemoApp, whole: Bill): Promise<Bill> {
  say('', heading(`2  Ben asks for the same, and is gone after ${seconds(PATIENCE_MS)}`));
  const client = await app.client('ben');
  const cutAt = await hangUp(client);
  const line = await eventually(() => app.logs.receipt());
  await eventually(() => app.wire.lastCut(MODEL_ROUTE) !== undefined);
  tellWhatFollowed(app, cutAt, line);
  const bill = await app.ledger.billOf(line.task_id);
  tellWhatDidNot(app, cutAt, whole.stagesBeyond(bill), await countQuizzes(client));
  tellTheBooks(whole, bill);
  return bill;
}

async function hangUp(client: SocketClient): Promise<number> {
  const call = client.post(ROUTE, QUIZ);
  await delay(PATIENCE_MS);
  return await call.hangUp();
}

function tellWhatFollowed({ wire, logs }: DemoApp, cutAt: number, { receipt, task_id }: Required<LogLine>): void {
  const [serverSawAt = cutAt, modelSawAt = cutAt] = [ROUTE, MODEL_ROUTE].map((path) => wire.lastCut(path)?.closedAt);
  say(faint('   ms from the cut, the first that this process has seen'));
  say(...timelineOf({ cutAt, serverSawAt, modelSawAt, receipt }).map(happening));
  say('   In the log:', ...logs.of(task_id).map((msg) => faint(`      ${msg}`)));
}

function tellWhatDidNot({ wire }: DemoApp, cutAt: number, stages: readonly string[], quizzes: number): void {
  const calls = wire.startedAfter(MODEL_ROUTE, cutAt);
  say(`   Never called: ${stages.join(', ')}. Model calls begun after the cut: ${calls}. Quizzes stored for Ben: ${quizzes}.`);
}

async function countQuizzes(client: SocketClient): Promise<number> {
  const answer = await client.get('/api/quizzes').answer;
  return answer?.json<{ quizzes: unknown[] }>().quizzes.length ?? 0;
}

function tellTheBooks(whole: Bill, cut: Bill): void {
  say('', heading('3  The books'), "   Ben's calls in the ledger (llm_calls):", ...bookings(cut));
  say(`   A whole quiz  ${sum(whole)}`, `   Ben's quiz    ${sum(cut)}`);
  say(faint('   In US dollars at the list price of gpt-4o-mini; the model of this demo is free.'));
}

function conclude(whole: Bill, cut: Bill): void {
  const share = Math.round(100 * (1 - cut.completionTokens / whole.completionTokens));
  say('', strong(`Nobody was left to read Ben's quiz, so ${share} % of its completion tokens were never written.`), '');
}
