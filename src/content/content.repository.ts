import { Injectable } from '@nestjs/common';
import { sql } from 'kysely';
import type { User } from '../auth/index.js';
import { Database } from '../database/index.js';

export interface Passage {
  readonly id: number;
  readonly kind: string;
  readonly skill: string;
  readonly title: string;
  readonly text: string;
}

export interface ChapterContext {
  readonly bookTitle: string;
  readonly chapterTitle: string;
  readonly level: string;
}

/** Where to look: in one chapter, or in all of a book. */
export type Extent = { readonly chapterId: number } | { readonly bookId: number };

export interface PassageSearch {
  readonly within: Extent;
  readonly model: string;
  readonly vector: readonly number[];
  readonly weakSkills: readonly string[];
  readonly limit: number;
}

/** How much nearer a passage counts that trains a weak skill. Cosine distances here lie between 0.3 and 1. */
const WEAK_SKILL_BONUS = 0.15;

/** What pgvector's HNSW indexes hold: so many numbers, or so many in half precision. */
const LONGEST_VECTOR = 2000;
const LONGEST_HALF_VECTOR = 4000;

/** Books, chapters and their passages. */
@Injectable()
export class ContentRepository {
  constructor(private readonly db: Database) {}

  /** Those of everybody and one's own. */
  listBooks(user: User) {
    return this.#books(user).orderBy('books.id').execute();
  }

  findBook(bookId: number, user: User) {
    return this.#books(user).where('books.id', '=', bookId).executeTakeFirst();
  }

  async hasBook(bookId: number, user: User): Promise<boolean> {
    const found = await this.db.selectFrom('books').where('id', '=', bookId).where(isVisibleTo(user)).select('id').executeTakeFirst();
    return found !== undefined;
  }

  listChapters(bookId: number, user: User) {
    return this.db
      .selectFrom('chapters')
      .innerJoin('books', 'books.id', 'chapters.book_id')
      .leftJoin('passages', 'passages.chapter_id', 'chapters.id')
      .where('book_id', '=', bookId)
      .where(isVisibleTo(user))
      .groupBy('chapters.id')
      .orderBy('chapters.id')
      .select(['chapters.id', 'chapters.title', 'chapters.level', sql<number>`count(passages.id)::int`.as('passages')])
      .execute();
  }

  findChapter(bookId: number, chapterId: number, user: User): Promise<ChapterContext | undefined> {
    return this.db
      .selectFrom('chapters')
      .innerJoin('books', 'books.id', 'chapters.book_id')
      .where('chapters.id', '=', chapterId)
      .where('books.id', '=', bookId)
      .where(isVisibleTo(user))
      .select(['books.title as bookTitle', 'chapters.title as chapterTitle', 'chapters.level'])
      .executeTakeFirst();
  }

  findPassage(id: number): Promise<Passage | undefined> {
    return this.db.selectFrom('passages').where('id', '=', id).select(['id', 'kind', 'skill', 'title', 'text']).executeTakeFirst();
  }

  /**
   * The passages of a chapter or book nearest to a vector, those that train a weak skill ranked nearer. The inner search runs on the
   * HNSW index of that model; what it has not embedded yet answers in reading order.
   */
  async search({ within, model, vector, weakSkills, limit }: PassageSearch): Promise<Passage[]> {
    const space = sql.raw(`${typeOf(vector.length)}(${vector.length})`);
    const distance = sql<number>`embedding::${space} <=> ${JSON.stringify(vector)}::${space}`;
    const nearest = this.#passagesOf(within)
      .where('embedding_model', '=', model)
      .orderBy(distance)
      .limit(limit * 3)
      .select(['id', 'kind', 'skill', 'title', 'text', distance.as('distance')]);
    const rank = sql<number>`distance - case when skill = any(${[...weakSkills]}::text[]) then ${WEAK_SKILL_BONUS}::float8 else 0 end`;
    const found = await this.db
      .selectFrom(nearest.as('nearest'))
      .orderBy(rank)
      .limit(limit)
      .select(['id', 'kind', 'skill', 'title', 'text'])
      .execute();
    return found.length > 0 ? found : await this.#inReadingOrder(within, limit);
  }

  listUnembedded(model: string, limit: number): Promise<Passage[]> {
    return this.db
      .selectFrom('passages')
      .where((where) => where.or([where('embedding_model', 'is', null), where('embedding_model', '!=', model)]))
      .orderBy('id')
      .limit(limit)
      .select(['id', 'kind', 'skill', 'title', 'text'])
      .execute();
  }

  async saveEmbeddings(model: string, embeddings: readonly { id: number; vector: readonly number[] }[]): Promise<void> {
    const ids = embeddings.map(({ id }) => id);
    const vectors = embeddings.map(({ vector }) => JSON.stringify(vector));
    await sql`update passages set embedding = given.vector::vector, embedding_model = ${model}
      from unnest(${ids}::int[], ${vectors}::text[]) as given (id, vector) where passages.id = given.id`.execute(this.db);
  }

  /**
   * One HNSW index for each model, because vectors of different models share the column but not the space. Vectors too long for any
   * index are searched without one.
   */
  async ensureIndex(model: string, dimensions: number): Promise<void> {
    if (dimensions > LONGEST_HALF_VECTOR) return;
    const type = typeOf(dimensions);
    const [space, operators] = [sql.raw(`${type}(${dimensions})`), sql.raw(`${type}_cosine_ops`)];
    const name = `passages_hnsw_${model.replace(/\W/g, '_').slice(0, 40)}_${dimensions}`;
    await this.db.transaction().execute(async (tx) => {
      await sql`select pg_advisory_xact_lock(hashtext(${name}))`.execute(tx);
      await sql`create index if not exists ${sql.id(name)} on passages
        using hnsw ((embedding::${space}) ${operators}) where embedding_model = ${sql.lit(model)}`.execute(tx);
    });
  }

  #books(user: User) {
    return this.db
      .selectFrom('books')
      .leftJoin('chapters', 'chapters.book_id', 'books.id')
      .where(isVisibleTo(user))
      .groupBy('books.id')
      .select(['books.id', 'books.title', 'books.language', 'books.level', 'books.subject'])
      .select([sql<number>`count(chapters.id)::int`.as('chapters'), sql<boolean>`books.owner is not null`.as('is_private')]);
  }

  #passagesOf(within: Extent) {
    const passages = this.db.selectFrom('passages');
    if ('chapterId' in within) return passages.where('chapter_id', '=', within.chapterId);
    return passages.where('chapter_id', 'in', (chapters) =>
      chapters.selectFrom('chapters').select('chapters.id').where('book_id', '=', within.bookId),
    );
  }

  #inReadingOrder(within: Extent, limit: number): Promise<Passage[]> {
    return this.#passagesOf(within)
      .orderBy('chapter_id')
      .orderBy('ordinal')
      .limit(limit)
      .select(['id', 'kind', 'skill', 'title', 'text'])
      .execute();
  }
}

/** Somebody else's book is as one that does not exist. */
function isVisibleTo({ id, isAdmin }: User) {
  return isAdmin ? sql<boolean>`true` : sql<boolean>`(books.owner is null or books.owner = ${id})`;
}

/** The type under which vectors of a length are indexed and compared; the column itself takes any length. */
function typeOf(dimensions: number): 'vector' | 'halfvec' {
  return dimensions > LONGEST_VECTOR && dimensions <= LONGEST_HALF_VECTOR ? 'halfvec' : 'vector';
}
