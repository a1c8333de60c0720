import { Injectable } from '@nestjs/common';
import { sql, type Insertable } from 'kysely';
import { Database, type Schema, type Tx } from '../database/index.js';
import { DomainError } from '../problems/index.js';

/** How well a learner does at one skill: `accuracy` is the mean score, 0 to 1. */
export interface SkillAccuracy {
  readonly skill: string;
  readonly accuracy: number;
  readonly answered: number;
}

/** Results older than this many answers no longer say what a learner can do today. */
const RECENT_ANSWERS = 500;

/** What learners answered, and how well. */
@Injectable()
export class QuestionResultsRepository {
  constructor(private readonly db: Database) {}

  /** Throws `question_not_found` where the question has been deleted meanwhile, with its book. */
  async record(tx: Tx, result: Insertable<Schema['question_results']>): Promise<void> {
    const question = await tx.selectFrom('questions').select('id').where('id', '=', result.question_id).forKeyShare().executeTakeFirst();
    if (!question) throw new DomainError('question_not_found', `Question ${result.question_id} has been deleted meanwhile.`);
    await tx.insertInto('question_results').values(result).execute();
  }

  /** Each skill of a book that the learner has been asked about, the weakest first. */
  accuracyBySkill(owner: string, bookId: number): Promise<SkillAccuracy[]> {
    const recent = this.db
      .selectFrom('question_results')
      .where('owner', '=', owner)
      .where('book_id', '=', bookId)
      .orderBy('created_at', 'desc')
      .limit(RECENT_ANSWERS)
      .select(['skill', 'score']);
    return this.db
      .selectFrom(recent.as('recent'))
      .groupBy('skill')
      .select(['skill', sql<number>`avg(score)::float8`.as('accuracy'), sql<number>`count(*)::int`.as('answered')])
      .orderBy('accuracy')
      .execute();
  }
}
