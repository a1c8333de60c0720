import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import { Database } from '../database/index.js';
import type { Resource } from './resources.dto.js';

/** A project of one owner. Its id is the client's choice, so only both together name it. */
export interface ProjectKey {
  readonly owner: string;
  readonly projectId: string;
}

export interface StoredResource {
  /** From 1, in the order in which they were sent. */
  readonly ordinal: number;
  readonly resource: Resource;
}

/** The advisory locks of projects stand in a space of their own: these are the first four letters of the word. */
const LOCK_SPACE = 0x70726f6a;

/** What projects consist of. */
@Injectable()
export class ResourcesRepository {
  constructor(private readonly db: Database) {}

  /** All of them in place of those that were there, or nothing. Whoever replaces them at the same time comes before or after. */
  async replace({ owner, projectId }: ProjectKey, resources: readonly Resource[]): Promise<void> {
    const rows = resources.map(({ id, name, ...data }, i) => ({ id, ordinal: i + 1, name, data }));
    await this.db.transaction().execute(async (tx) => {
      await sql`select pg_advisory_xact_lock(${LOCK_SPACE}::int, hashtext(${`${owner}\n${projectId}`}))`.execute(tx);
      await tx.deleteFrom('resources').where('owner', '=', owner).where('project_id', '=', projectId).execute();
      if (rows.length === 0) return;
      await sql`insert into resources (owner, project_id, id, ordinal, name, data)
        select ${owner}, ${projectId}, r.id, r.ordinal, r.name, r.data
        from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as r(id text, ordinal int, name text, data jsonb)`.execute(tx);
    });
  }

  /** A page of a project, in its order. */
  async list(project: ProjectKey, { after, limit }: { readonly after: number; readonly limit: number }): Promise<StoredResource[]> {
    const rows = await this.#of(project).where('ordinal', '>', after).limit(limit).execute();
    return rows.map(toStored);
  }

  /** All of a project, or those of it with one of these ids, in its order. */
  async select(project: ProjectKey, ids?: readonly string[]): Promise<Resource[]> {
    const rows = await this.#of(project)
      .$if(ids !== undefined, (query) => query.where(sql<boolean>`id = any(${ids}::text[])`))
      .execute();
    return rows.map((row) => toStored(row).resource);
  }

  #of({ owner, projectId }: ProjectKey) {
    return this.db
      .selectFrom('resources')
      .where('owner', '=', owner)
      .where('project_id', '=', projectId)
      .orderBy('ordinal')
      .select(['id', 'ordinal', 'name', 'data']);
  }
}

function toStored({ id, ordinal, name, data }: { id: string; ordinal: number; name: string; data: unknown }): StoredResource {
  return { ordinal, resource: { id, name, ...(data as object) } };
}
