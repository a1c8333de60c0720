import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database } from '../database/index.js';

/** The database, asked only whether it is there. */
@Injectable()
export class HealthRepository {
  constructor(private readonly db: Database) {}

  /** For people: which database it is. */
  get description(): string {
    return this.db.source.description;
  }

  async ping(): Promise<void> {
    await sql`select 1`.execute(this.db);
  }
}
