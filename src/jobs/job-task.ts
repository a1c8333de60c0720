import { Logger } from '@nestjs/common';
import type { JobHandle, TaskItems } from '../tasks/index.js';
import type { JobKind, JobTask } from './job-kind.js';

const logger = new Logger('Tasks');

/** The task of a job, as the work of its kind sees it. */
export function toJobTask<Input>(kind: JobKind<Input>, handle: JobHandle, items: TaskItems): JobTask<Input> {
  const { claim, scope } = handle;
  const plan = { word: kind.itemWord, calls: (stage: string) => kind.calls(stage), lastCalls: kind.lastCalls };
  return {
    key: { owner: claim.owner, id: claim.id },
    input: kind.input.parse(handle.input),
    scope,
    each: (options, work) => items.each(handle, { ...options, ...plan }, work),
    before: (phase) => {
      if (!scope.signal.aborted) return;
      logger.log({ msg: `[Tasks] Task ${claim.id} cancelled before ${phase}`, task_id: claim.id, phase, cause: scope.reason?.abortCause });
      throw scope.signal.reason;
    },
  };
}
