import { Injectable } from '@nestjs/common';
import { AbortContext } from '../abort/index.js';
import type { User } from '../auth/index.js';
import { Jobs, type JobOrder } from '../jobs/index.js';
import { DomainError } from '../problems/index.js';
import type { Issued, NewItem } from '../tasks/index.js';
import { toAnalysed } from './analysed-resources.js';
import type { AnalysisView, StartAnalysisBody, StartedAnalysis } from './analyses.dto.js';
import { AnalysesRepository } from './analyses.repository.js';
import { toAnalysisInput, type AnalysisInput } from './analysis.js';
import { AnalysisJob } from './analysis.job.js';
import { toAnalysisView } from './analysis-view.js';
import type { Resource } from './resources.dto.js';
import { Resources } from './resources.service.js';

/** Has projects analysed, and tells how far that is. */
@Injectable()
export class Analyses {
  constructor(
    private readonly jobs: Jobs,
    private readonly job: AnalysisJob,
    private readonly context: AbortContext,
    private readonly resources: Resources,
    private readonly analyses: AnalysesRepository,
  ) {}

  /**
   * Makes the task that analyses the project as it is at this moment: what is put later changes nothing about it. It is its owner's and
   * not the request's, so a client that hangs up, at whichever moment, neither stops it nor keeps it from being made. The same id with
   * the same body is the same task. Throws `project_empty`, `resource_not_found`, and what any new task may.
   */
  async start(projectId: string, body: StartAnalysisBody, user: User, issue: Issued): Promise<StartedAnalysis> {
    return await this.context.detached('an analysis is its owner’s, not the request’s', async () => {
      const selected = await this.#select(projectId, body, user);
      const order = { owner: user.id, scopes: [`project:${projectId}`], input: toAnalysisInput(projectId, body), issue };
      const { taskId } = await this.jobs.enqueue(this.job, { ...order, ...selected });
      return { task_id: taskId };
    });
  }

  /** What has come of an analysis so far. Throws `task_not_found` for an unknown one, another project's and somebody else's alike. */
  async get(projectId: string, taskId: string, user: User): Promise<AnalysisView> {
    const row = await this.analyses.find(projectId, taskId, user);
    if (!row) throw new DomainError('task_not_found', `Project ${projectId} has no analysis ${taskId}.`);
    return toAnalysisView(row, toAnalysed(await this.analyses.analysed(row)));
  }

  /** Only a new task needs its resources: one that was asked for before is found, whatever has become of the project since. */
  async #select(
    projectId: string,
    { resource_ids }: StartAnalysisBody,
    user: User,
  ): Promise<Pick<JobOrder<AnalysisInput>, 'items' | 'also'>> {
    try {
      return { items: (await this.resources.select(projectId, resource_ids, user)).map(toItem) };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return { items: [], also: () => Promise.reject(error) };
    }
  }
}

function toItem(resource: Resource): NewItem {
  return { key: resource.id, name: resource.name, input: resource };
}
