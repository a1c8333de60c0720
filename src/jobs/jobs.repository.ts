import { Injectable } from '@nestjs/common';
import type { Row, Tx } from '../database/index.js';
import type { TaskKey } from '../tasks/index.js';

/** Which tasks go on from which. */
@Injectable()
export class JobsRepository {
  /** The task other than `but` that goes on from this one. Others that ask wait until the transaction has ended. */
  async successor(tx: Tx, { owner, id }: TaskKey, but: TaskKey): Promise<Pick<Row<'tasks'>, 'id' | 'finished_at'> | undefined> {
    await tx.selectFrom('tasks').where('owner', '=', owner).where('id', '=', id).select('id').forUpdate().execute();
    return await tx
      .selectFrom('tasks')
      .where('owner', '=', owner)
      .where('resumed_from', '=', id)
      .where('id', '!=', but.id)
      .select(['id', 'finished_at'])
      .limit(1)
      .executeTakeFirst();
  }
}
