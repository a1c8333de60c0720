import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { User } from '../auth/index.js';
import { Database, type Row } from '../database/index.js';
import { ANALYSIS } from './analysis.js';

export type AnalysisRow = Pick<Row<'tasks'>, 'owner' | 'id' | 'state' | 'input' | 'total' | 'result' | 'error' | 'resumed_from'>;
export type AnalysedRow = Pick<Row<'task_items'>, 'key' | 'name' | 'result' | 'error'>;

/** Analyses, as their tasks and items tell of them. */
@Injectable()
export class AnalysesRepository {
  constructor(private readonly db: Database) {}

  /** An analysis of a project of this user, or of anybody's for an administrator. */
  async find(projectId: string, id: string, user: User): Promise<AnalysisRow | undefined> {
    return await this.db
      .selectFrom('tasks')
      .where('id', '=', id)
      .where('kind', '=', ANALYSIS)
      .where(sql<boolean>`input ->> 'project_id' = ${projectId}`)
      .$if(!user.isAdmin, (query) => query.where('owner', '=', user.id))
      .orderBy('created_at', 'desc')
      .limit(1)
      .select(['owner', 'id', 'state', 'input', 'total', 'result', 'error', 'resumed_from'])
      .executeTakeFirst();
  }

  /** The resources that are done with, each with its recommendation or its error, in the order of the project. */
  async analysed({ owner, id }: { readonly owner: string; readonly id: string }): Promise<AnalysedRow[]> {
    return await this.db
      .selectFrom('task_items')
      .where('owner', '=', owner)
      .where('task_id', '=', id)
      .where('state', 'in', ['completed', 'failed'])
      .orderBy('ordinal')
      .select(['key', 'name', 'result', 'error'])
      .execute();
  }
}
