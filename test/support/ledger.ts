import { AbortContext } from '../../src/abort/index.js';
import { Database } from '../../src/database/index.js';
import type { TestApp } from './test-app.js';

/** Reads the token ledger as it stands in the database. */
export class LedgerReader {
  private constructor(
    private readonly db: Database,
    private readonly context: AbortContext,
  ) {}

  static of({ app }: TestApp): LedgerReader {
    return new LedgerReader(app.get(Database), app.get(AbortContext));
  }

  callsOf(taskId: string, stage?: string) {
    return this.context.detached('a test reads the ledger', () =>
      this.db
        .selectFrom('llm_calls')
        .selectAll()
        .where('task_id', '=', taskId)
        .$if(stage !== undefined, (query) => query.where('stage', '=', stage ?? ''))
        .orderBy('started_at')
        .execute(),
    );
  }

  async costOf(taskIds: readonly string[]): Promise<number> {
    const calls = await Promise.all(taskIds.map((id) => this.callsOf(id)));
    return calls.flat().reduce((sum, { cost_usd }) => sum + Number(cost_usd), 0);
  }

  /** Rows whose call never said how it ended. */
  open() {
    return this.context.detached('a test reads the ledger', () =>
      this.db.selectFrom('llm_calls').selectAll().where('outcome', '=', 'open').execute(),
    );
  }
}
