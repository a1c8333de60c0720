import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database } from '../../database/index.js';

export interface Books {
  readonly cancelled: number;
  /** Tasks that have ended otherwise. */
  readonly others: number;
  readonly running: number;
  readonly openCalls: number;
}

/** What the database says of the tasks of a round, and of their calls. */
@Injectable()
export class BooksRepository {
  constructor(private readonly db: Database) {}

  async read(): Promise<Books> {
    const { rows } = await sql<Record<keyof Books, string>>`
      select count(*) filter (where state = 'cancelled') as cancelled, count(*) filter (where state in ('running', 'cancelling')) as running,
        count(*) filter (where state not in ('cancelled', 'running', 'cancelling')) as others,
        (select count(*) from llm_calls where outcome = 'open') as "openCalls"
      from tasks`.execute(this.db);
    const [{ cancelled, others, running, openCalls } = NOTHING] = rows;
    return { cancelled: Number(cancelled), others: Number(others), running: Number(running), openCalls: Number(openCalls) };
  }
}

const NOTHING: Record<keyof Books, string> = { cancelled: '0', others: '0', running: '0', openCalls: '0' };
