import type { AbortContext } from '../abort/index.js';
import type { Database } from '../database/index.js';
import { Bill } from './bill.js';

/** Reads the token ledger. */
export class LedgerRepository {
  constructor(
    private readonly db: Database,
    private readonly context: AbortContext,
  ) {}

  async billOf(taskId: string): Promise<Bill> {
    return new Bill(await this.context.detached('the demo reads the ledger', () => this.#callsOf(taskId)));
  }

  #callsOf(taskId: string) {
    return this.db
      .selectFrom('llm_calls')
      .where('task_id', '=', taskId)
      .orderBy('started_at')
      .select(['stage', 'outcome', 'prompt_tokens', 'completion_tokens', 'is_exact'])
      .execute();
  }
}
