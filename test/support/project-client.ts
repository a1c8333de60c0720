import type { AnalysisView } from '../../src/analyses/analyses.dto.js';
import { eventually, type Answer, type Call, type SocketClient } from '../../src/testing/index.js';
import { answerOf } from './task-client.js';

/** A virtual machine, as a customer's inventory has it. */
export interface Machine {
  readonly id: string;
  readonly name: string;
  readonly size: string;
  readonly region: string;
  readonly monthly_cost_usd: number;
  readonly cpu_percent: number;
  readonly memory_percent: number;
}

/** What is looked for, unless said otherwise. */
export const GOAL = 'cut what we pay';

const SIZES = ['Standard_B2s', 'Standard_D2s_v5', 'Standard_D8s_v5', 'Standard_E16s_v5'];
const REGIONS = ['westeurope', 'eastus', 'japaneast'];

/** So many machines, `vm-1` and on: some idle, some at their limit, most in between. */
export function machines(count: number): Machine[] {
  return Array.from({ length: count }, (_, i) => ({
    id: `vm-${i + 1}`,
    name: `machine ${i + 1}`,
    size: SIZES[i % SIZES.length]!,
    region: REGIONS[i % REGIONS.length]!,
    monthly_cost_usd: 30 + ((i * 37) % 400),
    cpu_percent: (i * 13) % 100,
    memory_percent: (i * 29) % 100,
  }));
}

/** What the owner of a project does with it. */
export class ProjectClient {
  constructor(
    readonly client: SocketClient,
    readonly project: string,
  ) {}

  /** Another project of the same owner, or the same of another. */
  with({ client = this.client, project = this.project }: { readonly client?: SocketClient; readonly project?: string }): ProjectClient {
    return new ProjectClient(client, project);
  }

  put(resources: unknown): Call {
    return this.client.call({ method: 'PUT', path: this.path('resources'), body: resources });
  }

  async resources(query = ''): Promise<{ project_id: string; resources: { id: string }[]; next_cursor?: string }> {
    return (await answerOf(this.client.get(`${this.path('resources')}${query}`))).json();
  }

  async cancelTasks(headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return await answerOf(this.client.post(this.path('cancel-tasks'), undefined, headers));
  }

  /** Asks for an analysis; under an id of one's own where `headers` say so. */
  analyse(body: object = {}, headers: Readonly<Record<string, string>> = {}): Call {
    return this.client.post(this.path('analyses'), { goal: GOAL, ...body }, headers);
  }

  /** The id of an analysis that has been made. */
  async begin(body: object = {}, headers: Readonly<Record<string, string>> = {}): Promise<string> {
    const answer = await answerOf(this.analyse(body, headers));
    if (answer.status !== 202) throw new Error(`No analysis: ${answer.text}`);
    return answer.json<{ task_id: string }>().task_id;
  }

  async analysis(id: string): Promise<AnalysisView> {
    const answer = await answerOf(this.client.get(this.path(`analyses/${id}`)));
    if (answer.status !== 200) throw new Error(`No analysis ${id}: ${answer.text}`);
    return answer.json<AnalysisView>();
  }

  /** The analysis once it has ended. */
  async ended(id: string): Promise<AnalysisView> {
    return await eventually(
      async () => {
        const analysis = await this.analysis(id);
        if (!['completed', 'failed', 'cancelled'].includes(analysis.state)) throw new Error(JSON.stringify(analysis.progress));
        return analysis;
      },
      { timeoutMs: 20_000, message: `the end of analysis ${id}` },
    );
  }

  /** The id of the task that goes on from this one. */
  async resume(id: string): Promise<string> {
    const answer = await answerOf(this.client.post(`/api/tasks/${id}/resume`, {}));
    if (answer.status !== 202) throw new Error(`No resume: ${answer.text}`);
    return answer.json<{ task_id: string }>().task_id;
  }

  path(what: string): string {
    return `/api/projects/${encodeURIComponent(this.project)}/${what}`;
  }
}
