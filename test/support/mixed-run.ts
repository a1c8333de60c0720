import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../hunt/random.js';
import type { Call, SocketClient } from '../../src/testing/index.js';
import { inLanes } from './cluster.js';
import { machines, ProjectClient } from './project-client.js';
import { Learner, type QuizAnswer } from './quiz-client.js';
import type { TestApp } from './test-app.js';

export const KINDS = ['quiz', 'validation', 'chat', 'analysis'] as const;
export type Kind = (typeof KINDS)[number];
export type Cut = 'hang-up' | 'cancel' | 'deadline';

/** One task as it is planned: the same for the same seed. */
export interface Planned {
  readonly kind: Kind;
  readonly owner: number;
  readonly cut?: Cut;
  /** When it is cut, in milliseconds from when it is asked for. */
  readonly afterMs: number;
  /** A chat that rests on a book, and so has a call for embeddings. */
  readonly isGrounded: boolean;
}

/** So long each kind takes at the pace of the run, more or less: cuts fall anywhere in it. */
export type Lengths = Readonly<Record<Kind, number>>;

const OWNERS = 10;
const RESOURCES = 4;
const LANES = 24;
const PROJECT = '7';

/** In every twenty: so many of each kind, and a third of all is cut. */
export function planMixed(seed: number, count: number, lengths: Lengths): Planned[] {
  const random = new Random('books', seed);
  return Array.from({ length: count }, () => {
    const luck = random.below(20);
    const kind: Kind = luck < 9 ? 'quiz' : luck < 14 ? 'validation' : luck < 19 ? 'chat' : 'analysis';
    const cuts: readonly Cut[] = kind === 'analysis' ? ['cancel', 'deadline'] : ['hang-up', 'cancel', 'deadline'];
    const cut = random.chance(1 / 3) ? random.pick(cuts) : undefined;
    return { kind, owner: random.below(OWNERS), cut, afterMs: 1 + random.below(lengths[kind]), isGrounded: random.chance(0.5) };
  });
}

interface Owner {
  readonly client: SocketClient;
  readonly quiz: QuizAnswer;
}

/** Plays a plan, so many tasks at a time, and says how each request was answered: a status, or that its client hung up. */
export async function playMixed(app: TestApp, plan: readonly Planned[]): Promise<(number | undefined)[]> {
  const owners = await Promise.all(Array.from({ length: OWNERS }, (_, i) => settle(app, i)));
  return await inLanes(plan.length, LANES, async (i) => {
    const planned = plan[i]!;
    return await play(owners[planned.owner]!, planned, i);
  });
}

async function settle(app: TestApp, i: number): Promise<Owner> {
  const client = await app.client(`owner-${i}`);
  await new ProjectClient(client, PROJECT).put(machines(RESOURCES)).answer;
  return { client, quiz: await new Learner(client).makeQuiz({ exercise_type: 'reading_comprehension', question_count: 1 }) };
}

async function play({ client, quiz }: Owner, planned: Planned, i: number): Promise<number | undefined> {
  const { cut, afterMs } = planned;
  const id = randomUUID();
  const headers = { 'x-task-id': id, ...(cut === 'deadline' && { 'x-deadline-ms': String(afterMs) }) };
  const call = send(client, quiz, planned, i, headers);
  const cutting = cut === undefined || cut === 'deadline' ? undefined : stop(client, call, id, cut, afterMs);
  const answer = await call.answer;
  await cutting;
  return answer?.status;
}

async function stop(client: SocketClient, call: Call, id: string, cut: Cut, afterMs: number): Promise<void> {
  await delay(afterMs);
  if (cut === 'hang-up') await call.hangUp();
  else await client.post(`/api/tasks/${id}/cancel`, { wait_ms: 0 }).answer;
}

function send(client: SocketClient, quiz: QuizAnswer, planned: Planned, i: number, headers: Readonly<Record<string, string>>): Call {
  switch (planned.kind) {
    case 'quiz':
      return client.post('/api/quizzes/generate', { book_id: 1, chapter_id: 101, exercise_type: 'mixed', question_count: 1 }, headers);
    case 'validation': {
      const body = { quiz_id: quiz.id, question_id: quiz.questions[0]?.id, answer: `answer ${i}` };
      return client.post('/api/quizzes/validate-answer', body, headers);
    }
    case 'chat': {
      const body = { content: `What of 了? (${i})`, ...(planned.isGrounded && { book_id: 1 }) };
      return client.post(`/api/chat/sessions/session-${i}/messages`, body, headers);
    }
    case 'analysis':
      return new ProjectClient(client, PROJECT).analyse({}, headers);
  }
}
