import type { Answer, Call, HangupClient } from '../../src/testing/index.js';
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
    readonly client: HangupClient,
    readonly project: string,
  ) {}

  /** Another project of the same owner, or the same of another. */
  with({ client = this.client, project = this.project }: { readonly client?: HangupClient; readonly project?: string }): ProjectClient {
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

  path(what: string): string {
    return `/api/projects/${encodeURIComponent(this.project)}/${what}`;
  }
}
