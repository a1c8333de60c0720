import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { z } from 'zod';
import { Jobs, type JobKind, type JobTask } from '../../src/jobs/index.js';
import type { Item } from '../../src/tasks/index.js';

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
