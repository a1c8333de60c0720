import type { AnalysisView, StartAnalysisBody, StartedAnalysis } from '../analyses/analyses.dto.js';
import type { Resource, ResourcePage, StoredResources } from '../analyses/resources.dto.js';
import type { Asking, CallOptions } from './asking.js';
import { pageQuery, type PageOptions } from './page.js';
import type { TaskOptions } from './task-issue.js';

/** Analyses of projects, in the background: a client that leaves after the answer stops nothing, a cancel does. */
export class Analyses {
  constructor(private readonly asking: Asking) {}

  /** The task that analyses. An abort before the answer cancels it; after it, `tasks.cancel` does. */
  start(projectId: string, input: StartAnalysisBody, options?: TaskOptions): Promise<StartedAnalysis> {
    return this.asking.task({ method: 'POST', path: pathOf(projectId, 'analyses'), body: input, field: 'task_id' }, options);
  }

  /** What has come of it so far, while it runs and after it ended, whichever way. */
  get(projectId: string, taskId: string, options?: CallOptions): Promise<AnalysisView> {
    return this.asking.json({ path: pathOf(projectId, `analyses/${encodeURIComponent(taskId)}`), field: 'recommendations' }, options);
  }
}

/** What projects consist of. */
export class Resources {
  constructor(private readonly asking: Asking) {}

  /** Stores all of a project's resources in place of those that it had: all of them or none. */
  put(projectId: string, resources: readonly Resource[], options?: CallOptions): Promise<StoredResources> {
    return this.asking.json({ method: 'PUT', path: pathOf(projectId, 'resources'), body: resources, field: 'count' }, options);
  }

  list(projectId: string, options: PageOptions & CallOptions = {}): Promise<ResourcePage> {
    return this.asking.json({ path: `${pathOf(projectId, 'resources')}${pageQuery(options)}`, field: 'resources' }, options);
  }
}

function pathOf(projectId: string, what: string): string {
  return `/api/projects/${encodeURIComponent(projectId)}/${what}`;
}
