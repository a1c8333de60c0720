import { Injectable } from '@nestjs/common';
import { Database } from '../../database/index.js';

export type LedgerRow = Awaited<ReturnType<LedgerRepository['rows']>>[number];

/** Reads the books of the app under test. What was spent on nobody's behalf, such as embedding the book, is left out. */
@Injectable()
export class LedgerRepository {
  constructor(private readonly db: Database) {}

  rows() {
    return this.db
      .selectFrom('llm_calls')
      .where('owner', 'is not', null)
      .select(['task_id', 'kind', 'model', 'outcome', 'prompt_tokens', 'completion_tokens', 'is_exact', 'cost_usd'])
      .execute();
  }

  /** Calls that are still in flight, and quizzes stored. */
  async progress(): Promise<{ open: number; stored: number }> {
    const { open } = await this.db
      .selectFrom('llm_calls')
      .where('outcome', '=', 'open')
      .select(({ fn }) => fn.countAll<string>().as('open'))
      .executeTakeFirstOrThrow();
    const { stored } = await this.db
      .selectFrom('quizzes')
      .select(({ fn }) => fn.countAll<string>().as('stored'))
      .executeTakeFirstOrThrow();
    return { open: Number(open), stored: Number(stored) };
  }
}
