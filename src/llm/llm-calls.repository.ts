import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database, ReservedDatabase } from '../database/index.js';

export type CallOutcome = 'completed' | 'aborted' | 'failed';

export interface NewCall {
  readonly id: string;
  readonly task_id: string;
  readonly owner: string | undefined;
  readonly task_kind: string | undefined;
  readonly task_attempt: number | undefined;
  readonly stage: string;
  readonly kind: 'chat' | 'embeddings';
  readonly model: string;
}

export interface ClosedCall {
  readonly outcome: CallOutcome;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly is_exact: boolean;
  readonly cost_usd: number;
  /** `null` where the model has no known price. */
  readonly prices_as_of: string | null;
}

export interface TaskUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly estimated: boolean;
  readonly cost_usd: number;
}

/** A task's id is its owner's alone. */
export interface CallOwner {
  readonly owner: string;
  readonly id: string;
}

/** Of a task that has called no model. */
export const NO_USAGE: TaskUsage = { prompt_tokens: 0, completion_tokens: 0, estimated: false, cost_usd: 0 };

/** The token ledger. A row opens before its call and closes after, so that a killed process leaves an open row and not nothing. */
@Injectable()
export class LlmCallsRepository {
  constructor(
    private readonly db: Database,
    /** For what is booked and told of stopped work: it must not wait behind the slow queries that it was stopped for. */
    private readonly reserved: ReservedDatabase,
  ) {}

  async open(call: NewCall): Promise<void> {
    await this.db.insertInto('llm_calls').values(call).execute();
  }

  async close(id: string, call: ClosedCall): Promise<void> {
    await this.reserved
      .updateTable('llm_calls')
      .set({ ...call, ended_at: sql<Date>`now()` })
      .where('id', '=', id)
      .execute();
  }

  /** What a task has used, over all its calls. */
  async usageOf(task: CallOwner): Promise<TaskUsage> {
    const [usage = NO_USAGE] = await this.usagesOf([task]);
    return usage;
  }

  /** What each of the tasks has used, in the order given. */
  async usagesOf(tasks: readonly CallOwner[]): Promise<TaskUsage[]> {
    if (tasks.length === 0) return [];
    const { rows } = await sql<UsageRow>`
      select t.ordinal, count(c.id) as calls, sum(c.prompt_tokens) as prompt, sum(c.completion_tokens) as completion,
        bool_and(c.is_exact) as exact, sum(c.cost_usd) as cost
      from unnest(${tasks.map(({ owner }) => owner)}::text[], ${tasks.map(({ id }) => id)}::uuid[]) with ordinality as t (owner, id, ordinal)
      left join llm_calls c on c.task_id = t.id and c.owner = t.owner
      group by t.ordinal order by t.ordinal`.execute(this.reserved);
    return rows.map(toUsage);
  }

  /** The stages of a task from which at least one call has left for the provider. */
  async stagesCalled({ owner, id }: CallOwner): Promise<string[]> {
    const rows = await this.reserved
      .selectFrom('llm_calls')
      .select('stage')
      .distinct()
      .where('task_id', '=', id)
      .where('owner', '=', owner)
      .where((call) => call.or([call('outcome', '!=', 'aborted'), call('prompt_tokens', '>', 0)]))
      .execute();
    return rows.map(({ stage }) => stage);
  }
}

interface UsageRow {
  readonly calls: string;
  readonly prompt: string | null;
  readonly completion: string | null;
  readonly exact: boolean | null;
  readonly cost: string | null;
}

function toUsage({ calls, prompt, completion, exact, cost }: UsageRow): TaskUsage {
  const estimated = Number(calls) > 0 && exact !== true;
  return { prompt_tokens: Number(prompt), completion_tokens: Number(completion), estimated, cost_usd: Number(cost) };
}
