import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database } from '../database/index.js';

export type CallOutcome = 'completed' | 'aborted' | 'failed';

export interface NewCall {
  readonly id: string;
  readonly task_id: string;
  readonly owner: string | undefined;
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
}

export interface TaskUsage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly estimated: boolean;
  readonly cost_usd: number;
}

/** The token ledger. A row opens before its call and closes after, so that a killed process leaves an open row and not nothing. */
@Injectable()
export class LlmCallsRepository {
  constructor(private readonly db: Database) {}

  async open(call: NewCall): Promise<void> {
    await this.db.insertInto('llm_calls').values(call).execute();
  }

  async close(id: string, call: ClosedCall): Promise<void> {
    await this.db
      .updateTable('llm_calls')
      .set({ ...call, ended_at: sql<Date>`now()` })
      .where('id', '=', id)
      .execute();
  }

  /** What a task has used, over all its calls. */
  async usageOf(taskId: string): Promise<TaskUsage> {
    const { count, prompt, completion, exact, cost } = await this.db
      .selectFrom('llm_calls')
      .where('task_id', '=', taskId)
      .select(({ fn }) => [
        fn.countAll<string>().as('count'),
        fn.sum<string>('prompt_tokens').as('prompt'),
        fn.sum<string>('completion_tokens').as('completion'),
        fn.agg<boolean>('bool_and', ['is_exact']).as('exact'),
        fn.sum<string>('cost_usd').as('cost'),
      ])
      .executeTakeFirstOrThrow();
    const estimated = Number(count) > 0 && !exact;
    return { prompt_tokens: Number(prompt), completion_tokens: Number(completion), estimated, cost_usd: Number(cost) };
  }
}
