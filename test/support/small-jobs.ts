import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { z } from 'zod';
import { AbortContext } from '../../src/abort/index.js';
import { Jobs, type JobKind, type JobTask } from '../../src/jobs/index.js';
import type { Item } from '../../src/tasks/index.js';
import { newId } from './task-client.js';
import type { TestApp } from './test-app.js';

/** A kind of job whose items do what a test says, and whose result is what became of them. */
export interface SmallJobs {
  readonly kind: JobKind<object>;
  /** What an item does; returns its name, unless it is told something else. */
  work: (item: Item, task: JobTask<object>) => Promise<unknown>;
}

export function smallJobs(name: string, over: Partial<JobKind<object>> = {}): SmallJobs {
  const jobs: SmallJobs = {
    work: (item) => Promise.resolve(item.name),
    kind: {
      kind: name,
      input: z.object({}),
      concurrency: 2,
      perUser: 2,
      itemWord: 'item',
      calls: (stage) => [stage],
      lastCalls: ['last'],
      work: async (task) => {
        const counts = await task.each({ concurrency: 2 }, (item) => jobs.work(item, task));
        task.before('the end');
        return { result: counts };
      },
      ...over,
    },
  };
  return jobs;
}

/** For `startTestApp`: makes kinds of job known to an app before it starts. */
export function registered(...kinds: readonly SmallJobs[]): (app: NestFastifyApplication) => void {
  return (app) => {
    for (const { kind } of kinds) app.get(Jobs).register(kind);
  };
}

interface Asked {
  readonly owner?: string;
  readonly id?: string;
  readonly deadlineMs?: number;
}

/** Asks an app for a job of so many items, as a feature does in a request. Returns its id. */
export async function ask({ app }: TestApp, { kind }: SmallJobs, items: number, asked: Asked = {}): Promise<string> {
  const { owner = 'learner', id = newId(), deadlineMs } = asked;
  const issue = { taskId: id, isClientChosen: true, scopes: [], deadlineMs };
  const named = Array.from({ length: items }, (_, at) => ({ key: `k${at + 1}`, name: `item ${at + 1}`, input: { n: at + 1 } }));
  const order = { owner, scopes: ['project:7'], input: {}, items: named, issue };
  await app.get(AbortContext).detached('a test asks for a job', () => app.get(Jobs).enqueue(kind, order));
  return id;
}
