import { Child } from '../harness/child.js';
import type { EventLoop } from '../harness/event-loop.js';
import type { RawPost } from '../harness/raw-post.js';

export interface ContestantApi extends EventLoop {
  start: (modelUrl: string, env: Readonly<Record<string, string>>) => Promise<RawPost>;
  readonly [method: string]: (...args: never[]) => unknown;
}

/** Who stands between the client and the model, each in a process of its own. */
export const CONTESTANTS = {
  'plain-proxy': 'bare node:http proxy (baseline)',
  'nest-gateway': 'AbortModule + langchain client',
  'quiz-backend': 'Hangup, POST /api/quizzes/generate',
} as const;
export type Contestant = keyof typeof CONTESTANTS;
export const CONTESTANT_NAMES = Object.keys(CONTESTANTS) as Contestant[];

export function openContestant(name: Contestant, flags: readonly string[] = []): Child<ContestantApi> {
  return new Child<ContestantApi>(new URL(`./${name}.js`, import.meta.url), { flags });
}
