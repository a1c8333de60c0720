import { Injectable } from '@nestjs/common';
import { sql, type Kysely } from 'kysely';
import type { User } from '../auth/index.js';
import { Database, type Row, type Schema, type Tx } from '../database/index.js';
import type { Cursor } from '../problems/index.js';
import type { TaskKey } from '../tasks/index.js';
import type { DocumentClassification } from './classification.js';

export type DocumentRow = Row<'documents'>;

/** With the pages of which no text could be had. */
export type ListedDocument = DocumentRow & { readonly pages_without_text: readonly number[] };

export type NewDocument = Pick<DocumentRow, 'id' | 'owner' | 'task_id' | 'ordinal' | 'name' | 'media_type' | 'sha256' | 'blob_id'> & {
  readonly bytes: number;
};

const WITHOUT_TEXT = sql<number[]>`(
  select coalesce(json_agg(p.number order by p.number), '[]'::json) from document_pages p
  where p.document_id = documents.id and p.source = 'none')`.as('pages_without_text');

/** Somebody works on the document, or will: its task has not ended. */
const IS_IN_USE = sql<boolean>`exists (
  select 1 from tasks t where t.owner = documents.owner and t.id = documents.task_id and t.state in ('queued', 'running', 'cancelling'))`;

/** The task can neither go on nor be gone on with: it has completed, or is forgotten. */
const IS_DONE_WITH = sql<boolean>`not exists (
  select 1 from tasks t where t.owner = documents.owner and t.id = documents.task_id and t.state <> 'completed')`;

/** Uploaded documents, and how far each has come. What is written again stays the same. */
@Injectable()
export class DocumentsRepository {
  constructor(private readonly db: Database) {}

  async inTransaction<T>(fn: (tx: Tx) => Promise<T>): Promise<T> {
    return await this.db.transaction().execute(fn);
  }

  async insert(tx: Tx, documents: readonly NewDocument[]): Promise<void> {
    await tx.insertInto('documents').values(documents).execute();
  }

  /** A page of the list, newest first. */
  async list(user: User, limit: number, after?: Cursor): Promise<ListedDocument[]> {
    return await this.#visibleTo(user)
      .$if(after !== undefined, (query) =>
        query.where(sql<boolean>`(created_at, id) < (${after?.createdAt}::timestamptz, ${after?.id}::uuid)`),
      )
      .orderBy('created_at', 'desc')
      .orderBy('id', 'desc')
      .limit(limit)
      .execute();
  }

  async findVisible(user: User, id: string): Promise<ListedDocument | undefined> {
    return await this.#visibleTo(user).where('id', '=', id).executeTakeFirst();
  }

  /** In the order asked for; those that are not this owner's are left out. */
  async findAll(owner: string, ids: readonly string[]): Promise<DocumentRow[]> {
    return await this.db
      .selectFrom('documents')
      .selectAll()
      .where('owner', '=', owner)
      .where('id', 'in', [...ids])
      .orderBy(sql`array_position(${[...ids]}::uuid[], id)`)
      .execute();
  }

  async ofBook(owner: string, bookId: number): Promise<DocumentRow[]> {
    return await this.db
      .selectFrom('documents')
      .selectAll()
      .where('owner', '=', owner)
      .where('book_id', '=', bookId)
      .orderBy('created_at')
      .orderBy('ordinal')
      .execute();
  }

  /** What a task works on, or did last, in the order of its upload. */
  async ofTask({ owner, id }: TaskKey): Promise<DocumentRow[]> {
    return await this.db
      .selectFrom('documents')
      .selectAll()
      .where('owner', '=', owner)
      .where('task_id', '=', id)
      .orderBy('created_at')
      .orderBy('ordinal')
      .execute();
  }

  /** What a task was asked for, also where another has taken it over since. */
  async askedOf({ owner, id }: TaskKey): Promise<DocumentRow[]> {
    return await this.db
      .selectFrom('documents')
      .innerJoin('task_items', (join) =>
        join.onRef('task_items.owner', '=', 'documents.owner').on(sql<boolean>`task_items.key = documents.id::text`),
      )
      .where('task_items.owner', '=', owner)
      .where('task_items.task_id', '=', id)
      .orderBy('task_items.ordinal')
      .selectAll('documents')
      .execute();
  }

  /** The document, for the task that works on it and no other. */
  async find({ owner, id: taskId }: TaskKey, id: string): Promise<DocumentRow | undefined> {
    return await this.db
      .selectFrom('documents')
      .selectAll()
      .where('id', '=', id)
      .where('owner', '=', owner)
      .where('task_id', '=', taskId)
      .executeTakeFirst();
  }

  /** Gives them to a task. Returns those that could not be had: they are in use, or gone. */
  async take(tx: Tx, { owner, id: taskId }: TaskKey, ids: readonly string[]): Promise<string[]> {
    const free = await tx
      .selectFrom('documents')
      .select('id')
      .where('owner', '=', owner)
      .where('id', 'in', [...ids])
      .orderBy('id')
      .forUpdate()
      .execute()
      .then((locked) => this.#notInUse(tx, locked));
    if (free.length > 0) await tx.updateTable('documents').set({ task_id: taskId }).where('id', 'in', free).execute();
    return ids.filter((id) => !free.includes(id));
  }

  /** A task goes on with what another one worked on. */
  async handOver(tx: Tx, from: TaskKey, to: TaskKey): Promise<void> {
    await tx.updateTable('documents').set({ task_id: to.id }).where('owner', '=', from.owner).where('task_id', '=', from.id).execute();
  }

  /** All pages are stored: the file is needed no more. */
  async setExtracted(tx: Tx, id: string, pages: number): Promise<void> {
    await tx.updateTable('documents').set({ state: 'extracted', pages, blob_id: null, error: null }).where('id', '=', id).execute();
  }

  /** A document of a book stays one. */
  async setClassified(id: string, { chapters, ...rest }: DocumentClassification): Promise<void> {
    await this.db
      .updateTable('documents')
      .set({ ...rest, chapters: JSON.stringify(chapters), error: null, state: unlessCatalogued('classified') })
      .where('id', '=', id)
      .execute();
  }

  async setEmbedded(id: string): Promise<void> {
    await this.db.updateTable('documents').set({ state: 'embedded', error: null }).where('id', '=', id).execute();
  }

  /** What had been stored of it before stays. */
  async setFailed(id: string, error: { readonly code: string; readonly message: string }): Promise<void> {
    await this.db
      .updateTable('documents')
      .set({ state: unlessCatalogued('failed'), error: JSON.stringify(error) })
      .where('id', '=', id)
      .execute();
  }

  /** Deletes it with all that was read from it; its file is left to the caller. `undefined` where there is none, `in use` as it says. */
  async delete(tx: Tx, owner: string, id: string): Promise<{ blobId: string | null } | 'in use' | undefined> {
    const found = await tx
      .selectFrom('documents')
      .select(['id', 'blob_id'])
      .where('id', '=', id)
      .where('owner', '=', owner)
      .forUpdate()
      .executeTakeFirst();
    if (!found) return undefined;
    if ((await this.#notInUse(tx, [found])).length === 0) return 'in use';
    await tx.deleteFrom('documents').where('id', '=', id).execute();
    return { blobId: found.blob_id };
  }

  /** Lets go of the files that no task will read any more; returns them. */
  async letGo(tx: Tx, limit: number): Promise<string[]> {
    const rows = await tx
      .selectFrom('documents')
      .select(['id', 'blob_id'])
      .where('blob_id', 'is not', null)
      .where(IS_DONE_WITH)
      .limit(limit)
      .forUpdate()
      .skipLocked()
      .execute();
    return await this.#letGo(tx, rows);
  }

  /** As `letGo`, of one task that is about to complete. */
  async letGoOf(tx: Tx, { owner, id }: TaskKey): Promise<string[]> {
    const rows = await tx
      .selectFrom('documents')
      .select(['id', 'blob_id'])
      .where('owner', '=', owner)
      .where('task_id', '=', id)
      .where('blob_id', 'is not', null)
      .execute();
    return await this.#letGo(tx, rows);
  }

  async #letGo(tx: Tx, rows: readonly { readonly id: string; readonly blob_id: string | null }[]): Promise<string[]> {
    if (rows.length === 0) return [];
    const ids = rows.map(({ id }) => id);
    await tx.updateTable('documents').set({ blob_id: null }).where('id', 'in', ids).execute();
    return rows.flatMap(({ blob_id }) => blob_id ?? []);
  }

  /** Asked once their rows are locked: whoever takes them over locks them too. */
  async #notInUse(tx: Tx, rows: readonly { readonly id: string }[]): Promise<string[]> {
    if (rows.length === 0) return [];
    const ids = rows.map(({ id }) => id);
    const free = await tx
      .selectFrom('documents')
      .select('id')
      .where('id', 'in', ids)
      .where((on) => on.not(IS_IN_USE))
      .execute();
    return free.map(({ id }) => id);
  }

  #visibleTo(user: User, db: Kysely<Schema> = this.db) {
    return db
      .selectFrom('documents')
      .selectAll()
      .select(WITHOUT_TEXT)
      .$if(!user.isAdmin, (query) => query.where('owner', '=', user.id));
  }
}

function unlessCatalogued(state: string) {
  return sql<string>`case when state = 'catalogued' then state else ${state} end`;
}
